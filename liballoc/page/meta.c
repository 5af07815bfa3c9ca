/* SPDX-License-Identifier: MIT */
#include "page/meta.h"

#include "base/bits.h"
#include "os/os_mem.h"

enum {
    META_STEP = 256 * KIB, /* mapped at a time; untouched pages cost nothing */
};

struct lock meta_lock = LOCK_INIT(LOCK_RANK_META);

/* The rest of the newest mapping.  Protected by: meta_lock */
static char *meta_at;
static size_t meta_left;
static size_t meta_used;

void *meta_alloc(size_t size, size_t align)
{
    void *mem = NULL;

    size = round_up(size, 64);
    lock_acquire(&meta_lock);
    size_t skip = -(uintptr_t)meta_at & (align - 1);
    if (size + skip > meta_left) {
        size_t step = round_up(max_size(size, META_STEP), os_page_size());
        char *fresh = os_map(step);
        if (fresh != NULL) {
            os_name(fresh, step, "liballoc metadata");
            meta_at = fresh;
            meta_left = step;
            skip = 0;
        }
    }
    if (size + skip <= meta_left) {
        mem = meta_at + skip;
        meta_at += size + skip;
        meta_left -= size + skip;
        meta_used += size + skip;
    }
    lock_release(&meta_lock);
    return mem;
}

size_t meta_bytes(void)
{
    return meta_used;
}
