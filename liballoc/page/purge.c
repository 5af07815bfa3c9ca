/* SPDX-License-Identifier: MIT */
#include "page/purge.h"

#include "base/bits.h"
#include "base/list.h"
#include "base/lock.h"
#include "os/os_mem.h"
#include "page/buddy.h"
#include "page/page_map.h"
#include "page/reclaim.h"
#include "page/zone.h"
#include "page/zone_grow.h"

enum {
    DESCRIPTORS_ORDER = 7, /* 128 descriptors are 8 KiB themselves */
    PURGE_ORDER = 7,       /* 2 MiB: parts of a block that go by themselves */
};

/* The first dirty block among so many of the list. */
static size_t area_find_dirty(struct zone *zone, const struct free_area *area,
                              size_t scan)
{
    size_t seen = 0;

    list_for_each (it, &area->list) {
        const struct page *page = CONTAINER_OF(it, struct page, lru);
        size_t pfn = (size_t)(page - zone->pages);
        if (bitmap_count(zone->dirty, pfn, (size_t)1 << page->order) > 0)
            return pfn;
        if (++seen >= scan)
            break;
    }
    return PFN_NONE;
}

/* A dirty free block of at least min_order; PFN_NONE if none is in sight. */
static size_t find_dirty(struct zone *zone, unsigned min_order, size_t scan)
{
    const struct buddy *buddy = &zone->buddy;
    size_t pfn = PFN_NONE;

    for (unsigned order = NORDERS; pfn == PFN_NONE && order-- > min_order;) {
        pfn = area_find_dirty(zone, &buddy->free_area[order], scan);
        if (pfn == PFN_NONE && order < PAGEBLOCK_ORDER)
            pfn = area_find_dirty(zone, &buddy->small_area[order], scan);
    }
    return pfn;
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
    REQUIRES(zone->lock)
{
    struct page *page = &zone->pages[pfn];
    uintptr_t start = round_up((uintptr_t)(page + 1), os_page_size());
    uintptr_t end =
        round_down((uintptr_t)(page + ((size_t)1 << order)), os_page_size());

    if (order >= DESCRIPTORS_ORDER && start < end)
        os_purge((void *)start, end - start);
}

void purge_page_map(struct zone *zone)
{
    struct buddy *buddy = &zone->buddy;

    lock_acquire(&zone->lock);
    for (unsigned order = DESCRIPTORS_ORDER; order < NORDERS; order++) {
        list_for_each (it, &buddy->free_area[order].list) {
            struct page *page = CONTAINER_OF(it, struct page, lru);
            purge_descriptors(zone, (size_t)(page - zone->pages), order);
        }
    }
    lock_release(&zone->lock);
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

    lock_acquire(&zone->lock);
    if (done) {
        bitmap_clear(zone->dirty, pfn, part - pfn);
    } else {
        zone->nr_dirty += dirty;
    }
    pfn = buddy_free(&zone->buddy, pfn, order, done && part == end);
    if (done)
        purge_descriptors(zone, pfn, zone->pages[pfn].order);
    lock_release(&zone->lock);
    return done ? dirty : 0;
}

size_t purge_to(struct zone *zone, size_t target, unsigned min_order,
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
