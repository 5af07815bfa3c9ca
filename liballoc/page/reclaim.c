/* SPDX-License-Identifier: MIT */
#include "page/reclaim.h"

#include "base/list.h"
#include "base/lock.h"
#include "base/tunables.h"
#include "os/os_mem.h"
#include "page/buddy.h"
#include "page/huge_page.h"
#include "page/page_map.h"
#include "page/zone.h"
#include "page/zone_grow.h"

enum {
    DESCRIPTORS_ORDER = 8, /* 256 descriptors are 16 KiB themselves */
    SCAN_MAX = 256,        /* blocks looked at per order and round */
    REGRET_MS = 1000,      /* how long a decision is judged */
    PURGE_ORDER = 7,       /* 2 MiB: parts of a block that go by themselves */
};

static _Atomic size_t purged_bytes;

/* Atomic: more may be dirty than should be; time of the last tick. */
static _Atomic bool is_over;
static _Atomic uint64_t last_tick_ms;

/* Atomic: sums, for a policy; a stale value is put right at the next look. */
static _Atomic intptr_t outside_live; /* below 0: arenas gave pages back */
static _Atomic intptr_t outside_kept;

void reclaim_note_outside(intptr_t live, intptr_t kept)
{
    /* stale ok: a policy */
    add_relaxed(&outside_live, live);
    /* stale ok: a policy */
    add_relaxed(&outside_kept, kept);
    if (live > 0) {
        /* stale ok: the next tick looks at the zones themselves */
        store_relaxed(&is_over, true);
    }
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

/* A dirty free block of at least min_order; PFN_NONE if none is in sight. */
static size_t find_dirty(struct zone *zone, unsigned min_order, size_t scan)
{
    for (unsigned order = NORDERS; order-- > min_order;) {
        size_t seen = 0;
        list_for_each (it, &zone->buddy.free_area[order].list) {
            const struct page *page = CONTAINER_OF(it, struct page, lru);
            size_t pfn = (size_t)(page - zone->pages);
            if (bitmap_count(zone->dirty, pfn, (size_t)1 << order) > 0)
                return pfn;
            if (++seen >= scan)
                break;
        }
    }
    return PFN_NONE;
}

/* The next dirty stretch of [*from, end); false = there is none. */
static bool next_dirty(struct zone *zone, size_t *from, size_t *to, size_t end)
{
    lock_acquire(&zone->lock); /* the words hold other blocks' bits as well */
    *from = bitmap_next(zone->dirty, *from, end, true);
    *to = bitmap_next(zone->dirty, *from, end, false);
    lock_release(&zone->lock);
    return *from < end;
}

/*
 * Gives back the dirty stretches of [pfn, end), a part of an isolated block,
 * up to the bounds of the system's pages: all of the block is free, and none
 * may stay behind.
 */
static bool purge_dirty(struct zone *zone, size_t pfn, size_t end)
{
    size_t system_page = os_page_size();
    size_t to;

    if ((end - pfn) << PAGE_SHIFT < system_page)
        return false;
    for (size_t from = pfn; next_dirty(zone, &from, &to, end); from = to) {
        uintptr_t start = page_address(zone->base, from);
        uintptr_t stop = page_address(zone->base, to);
        if (!reclaim_range(round_down(start, system_page),
                           round_up(stop, system_page)))
            return false;
    }
    return true;
}

/*
 * Of a large free block only the first descriptor says anything: the others
 * read as PAGE_NONE, which is what zeroed memory reads as.
 */
static void purge_descriptors(struct zone *zone, size_t pfn, unsigned order)
{
    if (order < DESCRIPTORS_ORDER)
        return;
    uintptr_t start = (uintptr_t)&zone->pages[pfn + 1];
    (void)reclaim_range(start, (uintptr_t)&zone->pages[pfn + (1u << order)]);
}

/*
 * Where the part of a block ends that has about `want` dirty pages: a large
 * block need not go as a whole.
 */
static size_t part_end(const struct zone *zone, size_t pfn, size_t end,
                       size_t want)
{
    size_t step = (size_t)1 << PURGE_ORDER;
    size_t seen = 0;

    while (pfn < end && seen < want) {
        seen += bitmap_count(zone->dirty, pfn, min_size(step, end - pfn));
        pfn += min_size(step, end - pfn);
    }
    return pfn;
}

/*
 * One block, or a part of it, if there are more than `target` dirty pages: off
 * the lists, purged without the lock, back as clean.  Returns the pages given
 * back, 0 when there is nothing to give or the kernel refuses.
 */
static size_t purge_block(struct zone *zone, size_t target, unsigned min_order,
                          size_t scan) REQUIRES(zone_purging)
{
    lock_acquire(&zone->lock);
    size_t pfn =
        zone->nr_dirty > target ? find_dirty(zone, min_order, scan) : PFN_NONE;
    if (pfn == PFN_NONE) {
        lock_release(&zone->lock);
        return 0;
    }
    unsigned order = zone->pages[pfn].order;
    size_t end = pfn + ((size_t)1 << order);
    size_t part = part_end(zone, pfn, end, zone->nr_dirty - target);
    size_t dirty = bitmap_count(zone->dirty, pfn, part - pfn);
    buddy_isolate(&zone->buddy, pfn);
    zone->nr_dirty -= dirty;
    reclaim_note_use(&zone->policy, zone->nr_dirty, 0);
    lock_release(&zone->lock);

    bool done = purge_dirty(zone, pfn, part);
    if (done && part == end)
        purge_descriptors(zone, pfn, order);

    lock_acquire(&zone->lock);
    if (done) {
        bitmap_clear(zone->dirty, pfn, part - pfn);
    } else {
        zone->nr_dirty += dirty;
    }
    buddy_free(&zone->buddy, pfn, order, done && part == end);
    lock_release(&zone->lock);
    return done ? dirty : 0;
}

/*
 * Purges down to `target` dirty pages; the pages given back.  The lock is
 * dropped between blocks: a fork waits for no more than one.
 */
static size_t purge_to(struct zone *zone, size_t target, unsigned min_order,
                       size_t scan)
{
    size_t given = 0;
    size_t n;

    do {
        lock_acquire(&zone_purging);
        n = purge_block(zone, target, min_order, scan);
        lock_release(&zone_purging);
        given += n;
    } while (n > 0);
    return given;
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
    if (zone->nr_dirty > zone_marks(zone).high) {
        /* stale ok: the next tick looks at the zone itself */
        store_relaxed(&is_over, true);
    }
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
    for (unsigned i = load_acquire(&zone_count); i-- > 0;)
        given += purge_to(&zones[i], keep >> PAGE_SHIFT, 0, SIZE_MAX);
    return given << PAGE_SHIFT;
}
