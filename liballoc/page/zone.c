/* SPDX-License-Identifier: MIT */
#include "page/zone.h"

#include "base/compiler.h"
#include "base/debug.h"
#include "base/lock.h"
#include "layout/invariants.h"
#include "os/os_mem.h"
#include "page/buddy.h"
#include "page/reclaim.h"
#include "page/zone_grow.h"

/* Takes the pages out of the dirty count; how many of them were dirty. */
static size_t dirty_leave(struct zone *zone, size_t pfn, size_t npages)
{
    size_t dirty = bitmap_count(zone->dirty, pfn, npages);

    zone->nr_dirty -= dirty;
    reclaim_note_use(&zone->policy, zone->nr_dirty, npages - dirty);
    reclaim_note_zone(zone);
    return dirty;
}

/* A run from this zone, which grows if need be; PFN_NONE if it cannot. */
static size_t run_take(struct zone *zone, size_t npages, unsigned align_order)
    REQUIRES(zone->lock)
{
    unsigned order = (unsigned)max_size(log2_ceil(npages), align_order);
    bool crumbs = buddy_has_crumbs_only(&zone->buddy, order);
    size_t pfn = PFN_NONE;

    if (!crumbs)
        pfn = buddy_alloc_run(&zone->buddy, npages, align_order);
    if (pfn != PFN_NONE)
        return pfn;
    pfn = zone_grow(zone, npages, align_order);
    if (pfn == PFN_NONE)
        return crumbs ? buddy_alloc_run(&zone->buddy, npages, align_order)
                      : PFN_NONE;
    reclaim_note_growth();
    return pfn;
}

/* The run is the caller's; *fresh as in zone_alloc_run(). */
static struct page *run_begin(struct zone *zone, size_t pfn, size_t npages,
                              bool *fresh) REQUIRES(zone->lock)
{
    struct page *page = &zone->pages[pfn];

    *fresh = dirty_leave(zone, pfn, npages) == 0;
    page_set_state(page, PAGE_NONE);
    page->flags = 0;
    page->zone = (uint8_t)zone->index;
    return page;
}

struct page *zone_alloc_free_run(size_t npages)
{
    struct page *page = NULL;
    bool fresh;

    if (npages > (size_t)1 << MAX_ORDER)
        return NULL;
    /* acquire: pairs with the release in zone_add() */
    unsigned count = load_acquire(&zone_count);
    for (unsigned i = 0; page == NULL && i < count; i++) {
        struct zone *zone = &zones[i];
        lock_acquire(&zone->lock);
        size_t pfn = buddy_alloc_run(&zone->buddy, npages, 0);
        if (pfn != PFN_NONE)
            page = run_begin(zone, pfn, npages, &fresh);
        lock_release(&zone->lock);
    }
    return page;
}

/* Later zones are tried in order; a new one is added when all are full. */
struct page *zone_alloc_run(size_t npages, unsigned align_order, bool *fresh)
{
    if (npages > (size_t)1 << MAX_ORDER || align_order > MAX_ORDER)
        return NULL;
    for (unsigned i = 0;; i++) {
        /* acquire: pairs with the release in zone_add() */
        if (i >= load_acquire(&zone_count) && !zone_add(npages, align_order))
            return NULL;
        struct zone *zone = &zones[i];
        lock_acquire(&zone->lock);
        size_t pfn = run_take(zone, npages, align_order);
        if (pfn == PFN_NONE) {
            lock_release(&zone->lock);
            continue;
        }
        struct page *page = run_begin(zone, pfn, npages, fresh);
        lock_release(&zone->lock);
        return page;
    }
}

struct page *zone_alloc(unsigned order)
{
    bool fresh;

    return zone_alloc_run((size_t)1 << order, order, &fresh);
}

void zone_free_run(struct page *page, size_t npages)
{
    zone_free_purged_run(page, npages, 0, 0);
}

void zone_free_purged_run(struct page *page, size_t npages, size_t from,
                          size_t to)
{
    struct zone *zone = page_zone(page);
    size_t pfn = page_number(page);

    lock_acquire(&zone->lock);
    page_set_state(page, PAGE_NONE);
    bitmap_set(zone->dirty, pfn, npages);
    bitmap_clear(zone->dirty, pfn + from, to - from);
    zone->nr_dirty += npages - (to - from);
    buddy_free_run(&zone->buddy, pfn, npages, false);
    reclaim_note_zone(zone);
    lock_release(&zone->lock);
}

void zone_free(struct page *page, unsigned order)
{
    zone_free_run(page, (size_t)1 << order);
}

void zone_mark_start(struct page *page, bool is_start)
{
    struct zone *zone = page_zone(page);
    size_t pfn = page_number(page);

    lock_acquire(&zone->lock); /* the words hold other segments' bits as well */
    if (is_start) {
        bitmap_set(zone->starts, pfn, 1);
    } else {
        bitmap_clear(zone->starts, pfn, 1);
    }
    lock_release(&zone->lock);
}

struct page *zone_last_start(struct zone *zone, size_t pfn)
{
    if (pfn < zone->first)
        return NULL;
    lock_acquire(&zone->lock);
    size_t start = bitmap_last(zone->starts, zone->first, pfn);
    lock_release(&zone->lock);
    return start != SIZE_MAX ? &zone->pages[start] : NULL;
}

/* The pages [pfn, pfn + more), below the frontier, behind it, or both. */
static bool run_append(struct zone *zone, size_t pfn, size_t more)
    REQUIRES(zone->lock)
{
    size_t below = min_size(more, zone->frontier - pfn);

    if (below > 0 && !buddy_take_run(&zone->buddy, pfn, below))
        return false;
    if (below == more || zone_grow(zone, more - below, 0) != PFN_NONE)
        return true;
    if (below > 0)
        buddy_free_run(&zone->buddy, pfn, below, false);
    return false;
}

bool zone_extend_run(struct page *page, size_t npages, size_t more)
{
    struct zone *zone = page_zone(page);
    size_t pfn = page_number(page) + npages;

    lock_acquire(&zone->lock);
    bool taken = run_append(zone, pfn, more);
    if (taken)
        dirty_leave(zone, pfn, more);
    lock_release(&zone->lock);
    return taken;
}

enum {
    CRAWL_MIN = 16 * MIB / PAGE_BYTES, /* free pages that need not be used */
};

bool zone_run_crawls(struct page *page, size_t npages, size_t more)
{
    struct zone *zone = page_zone(page);

    lock_acquire(&zone->lock);
    size_t used = zone->frontier - zone->first;
    bool crawls = page_number(page) + npages + more > zone->frontier &&
                  zone->buddy.nr_free > CRAWL_MIN &&
                  zone->buddy.nr_free > used / 2;
    lock_release(&zone->lock);
    return crawls;
}

struct zone_pages zone_pages(void)
{
    struct zone_pages pages = {0};

    /* acquire: pairs with the release in zone_add() */
    for (unsigned i = load_acquire(&zone_count); i-- > 0;) {
        struct zone *zone = &zones[i];
        lock_acquire(&zone->lock);
        pages.live += zone->frontier - zone->first - zone->buddy.nr_free;
        pages.dirty += zone->nr_dirty;
        lock_release(&zone->lock);
    }
    return pages;
}

NO_THREAD_SAFETY void zones_lock(void)
{
    lock_acquire(&zone_purging);
    lock_acquire(&zone_adding);
    /* acquire: pairs with the release in zone_add() */
    for (unsigned i = 0; i < load_acquire(&zone_count); i++)
        lock_acquire(&zones[i].lock);
}

NO_THREAD_SAFETY void zones_unlock(void)
{
    /* acquire: pairs with the release in zone_add() */
    for (unsigned i = load_acquire(&zone_count); i-- > 0;)
        lock_release(&zones[i].lock);
    lock_release(&zone_adding);
    lock_release(&zone_purging);
}

void zones_reset(void (*reset)(struct lock *lock))
{
    /* acquire: pairs with the release in zone_add() */
    for (unsigned i = load_acquire(&zone_count); i-- > 0;)
        reset(&zones[i].lock);
    reset(&zone_adding);
    reset(&zone_purging);
}

const char *zone_check(struct zone *zone)
{
    size_t dirty = 0;

    const char *wrong = buddy_check(&zone->buddy);
    if (wrong != NULL)
        return wrong;
    for (size_t pfn = zone->first; pfn < zone->frontier; pfn++) {
        const struct page *page = &zone->pages[pfn];
        if (page_state(page) != PAGE_BUDDY)
            continue;
        size_t npages = (size_t)1 << page->order;
        dirty += bitmap_count(zone->dirty, pfn, npages);
        pfn += npages - 1;
    }
    return dirty == zone->nr_dirty ? NULL
                                   : invariant_broken(INVARIANT_ZONE_DIRTY);
}
