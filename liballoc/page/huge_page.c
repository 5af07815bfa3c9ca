/* SPDX-License-Identifier: MIT */
#include "page/huge_page.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/tunables.h"
#include "os/os_env.h"
#include "os/os_mem.h"

enum {
    HUGE_PAGE_LIVE_MIN = 64 * MIB, /* below, what it costs in memory shows */
    THP_UNKNOWN = -1,
};

static enum os_thp thp_mode(void)
{
    static _Atomic int cached = THP_UNKNOWN;

    /* stale ok: whoever comes first stores the same value */
    int mode = load_relaxed(&cached);
    if (mode == THP_UNKNOWN) {
        mode = (int)os_thp_mode();
        /* stale ok: as above */
        store_relaxed(&cached, mode);
    }
    return (enum os_thp)mode;
}

bool huge_page_is_used(void)
{
    return thp_mode() == OS_THP_ALWAYS ||
           (thp_mode() == OS_THP_MADVISE && tunables.hugepage_ratio != 0);
}

void huge_page_advise(struct zone *zone, size_t from, size_t to)
{
    size_t committed = (from - zone->first) << PAGE_SHIFT;
    size_t block = (size_t)1 << HUGE_PAGE_ORDER;

    if (tunables.hugepage_ratio == 0 || committed < HUGE_PAGE_LIVE_MIN ||
        thp_mode() != OS_THP_MADVISE)
        return;
    size_t ahead = (committed / tunables.hugepage_ratio) >> PAGE_SHIFT;
    size_t start = round_up(max_size(from, zone->hugepage_to), block);
    size_t stop =
        round_down(min_size(to, from + max_size(ahead, block)), block);
    if (stop <= start)
        return;
    os_advise_hugepage((void *)page_address(zone->base, start),
                       (stop - start) << PAGE_SHIFT);
    zone->hugepage_to = stop;
}
