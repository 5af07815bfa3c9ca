/* SPDX-License-Identifier: MIT */
#include "page/reclaim.h"

#include "base/list.h"
#include "base/lock.h"
#include "base/tunables.h"
#include "os/os_mem.h"
#include "page/buddy.h"
#include "page/huge_page.h"
#include "page/page_map.h"
#include "page/purge.h"
#include "page/zone.h"
#include "page/zone_grow.h"

enum {
    SCAN_MAX = 256,   /* blocks looked at per order and round */
    REGRET_MS = 1000, /* how long a decision is judged */
};

static _Atomic size_t purged_bytes;

/* Atomic: more may be dirty than should be; time of the last tick. */
static _Atomic bool is_over;
static _Atomic uint64_t last_tick_ms;

/* Atomic: sums, for a policy; a stale value is put right at the next look. */
static _Atomic intptr_t outside_live; /* below 0: arenas gave pages back */
static _Atomic intptr_t outside_kept;

static void call_tick(void)
{
    /* stale ok: the next tick looks at the zones themselves */
    store_relaxed(&is_over, true);
}

void reclaim_note_outside(intptr_t live, intptr_t kept)
{
    /* stale ok: a policy */
    add_relaxed(&outside_live, live);
    /* stale ok: a policy */
    add_relaxed(&outside_kept, kept);
    if (live > 0)
        call_tick();
}

void reclaim_note_growth(void)
{
    /* stale ok: a policy */
    if (load_relaxed(&outside_kept) > 0)
        call_tick();
}

struct reclaim_outside reclaim_outside(void)
{
    return (struct reclaim_outside){
        /* stale ok: a policy */
        .live = load_relaxed(&outside_live),
        /* stale ok: a policy */
        .kept = load_relaxed(&outside_kept),
    };
}

size_t reclaim_total(void)
{
    /* stale ok: a statistic */
    return load_relaxed(&purged_bytes);
}

void reclaim_account(size_t bytes)
{
    /* stale ok: a statistic */
    add_relaxed(&purged_bytes, bytes);
}

bool reclaim_range(uintptr_t start, uintptr_t end)
{
    start = round_up(start, os_page_size());
    end = round_down(end, os_page_size());
    if (end <= start || !os_purge((void *)start, end - start))
        return false;
    reclaim_account(end - start);
    return true;
}

static size_t zone_live(const struct zone *zone)
{
    return zone->frontier - zone->first - zone->buddy.nr_free;
}

/* The watermarks, in pages. */
static struct reclaim_marks zone_marks(const struct zone *zone)
{
    return reclaim_marks(zone->policy, zone_live(zone),
                         tunables.dirty_min >> PAGE_SHIFT,
                         tunables.dirty_ratio);
}

void reclaim_judge(struct reclaim_policy *policy, uint64_t now_ms)
{
    bool too_soon = policy->purged > 0 && policy->regret > policy->purged / 4;

    if (!too_soon && now_ms - policy->judged_ms < REGRET_MS)
        return;
    if (too_soon) {
        policy->slack += 2 * min_size(policy->regret, policy->purged);
    } else {
        policy->slack -= policy->slack / 4;
    }
    policy->purged = 0;
    policy->regret = 0;
    policy->judged_ms = now_ms;
}

size_t reclaim_target(struct reclaim_policy *policy, size_t dirty, size_t live,
                      struct reclaim_marks marks, uint64_t now_ms)
{
    struct reclaim_verdict verdict =
        reclaim_decide(*policy, dirty, marks, now_ms, tunables.purge_delay);
    if (verdict.is_window_over) {
        policy->tick_ms = now_ms;
        policy->min_dirty = dirty;
        policy->last_peak = policy->peak;
        policy->peak = live;
    }
    return verdict.target;
}

/* Brings the policy up to date; what is live in the process, in pages. */
static size_t look_outside(struct zone *zone)
{
    struct reclaim_outside outside = reclaim_outside();
    size_t live = reclaim_sum(zone_live(zone), outside.live / PAGE_BYTES);

    reclaim_note_live(&zone->policy, live);
    zone->policy.outside = (outside.live + outside.kept) / PAGE_BYTES;
    return live;
}

/* The peaks are those of the first zone, which is there first. */
void reclaim_look_arena(struct reclaim_policy *policy, size_t live, size_t idle)
{
    struct reclaim_outside outside = reclaim_outside();
    struct zone_pages pages = zone_pages();
    intptr_t used = (intptr_t)((pages.live + pages.dirty) << PAGE_SHIFT) +
                    outside.live + outside.kept - (intptr_t)idle;

    lock_acquire(&zones[0].lock);
    policy->peak = zones[0].policy.peak << PAGE_SHIFT;
    policy->last_peak = zones[0].policy.last_peak << PAGE_SHIFT;
    lock_release(&zones[0].lock);
    policy->outside = used - (intptr_t)live;
}

void reclaim_note_zone(struct zone *zone)
{
    (void)look_outside(zone);
    if (zone->nr_dirty > zone_marks(zone).high)
        call_tick();
}

bool reclaim_is_due(uint64_t now_ms)
{
    /* stale ok: seen by a later call */
    return load_relaxed(&is_over) ||
           /* stale ok: as above */
           now_ms - load_relaxed(&last_tick_ms) >= tunables.purge_delay;
}

static void tick_zone(struct zone *zone, uint64_t now_ms)
{
    lock_acquire(&zone->lock);
    size_t live = look_outside(zone);
    reclaim_judge(&zone->policy, now_ms);
    struct reclaim_marks marks = zone_marks(zone);
    size_t target =
        reclaim_target(&zone->policy, zone->nr_dirty, live, marks, now_ms);
    lock_release(&zone->lock);
    if (target == RECLAIM_NOTHING)
        return;
    size_t given = 0;
    if (huge_page_is_used())
        given = purge_to(zone, target, HUGE_PAGE_ORDER, SCAN_MAX);
    given += purge_to(zone, target, RECLAIM_ORDER, SCAN_MAX);
    /* A heap in splinters: small blocks too, as far as the mark demands. */
    given += purge_to(zone, max_size(target, marks.high), 0, SCAN_MAX);
    lock_acquire(&zone->lock);
    zone->policy.purged += given;
    lock_release(&zone->lock);
}

void reclaim_tick(uint64_t now_ms)
{
    /* stale ok: only spaces the ticks */
    store_relaxed(&last_tick_ms, now_ms);
    /* stale ok: whoever frees more sets it again */
    store_relaxed(&is_over, false);
    /* acquire: pairs with the release in zone_add() */
    for (unsigned i = load_acquire(&zone_count); i-- > 0;)
        tick_zone(&zones[i], now_ms);
}

size_t reclaim_all(size_t keep)
{
    size_t given = 0;

    /* acquire: pairs with the release in zone_add() */
    for (unsigned i = load_acquire(&zone_count); i-- > 0;) {
        given += purge_to(&zones[i], keep >> PAGE_SHIFT, 0, SIZE_MAX);
        purge_page_map(&zones[i]);
    }
    return given << PAGE_SHIFT;
}
