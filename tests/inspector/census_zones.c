/* SPDX-License-Identifier: MIT */
/* Zones: buddy lists against their counts, then every block of the page map. */
#include "census.h"

enum {
    STEPS_MAX = 1 << 24,
    BATCH = 256, /* descriptors read at a time */
};

struct list_walk list_walk_start(const struct target *target, uintptr_t head)
{
    return (struct list_walk){
        .target = target, .head = head, .at = head, .prev = 0};
}

uintptr_t list_walk_next(struct list_walk *walk)
{
    struct list_head link;

    if (walk->broken || ++walk->steps > STEPS_MAX ||
        !far_read(walk->target, walk->at, &link, sizeof link)) {
        walk->broken = true;
        return 0;
    }
    if (walk->prev != 0 && far_address(&link.prev) != walk->prev) {
        walk->broken = true;
        return 0;
    }
    uintptr_t next = far_address(&link.next);
    if (next == 0 || next == walk->head)
        return 0; /* NULL: a zeroed head */
    walk->prev = walk->at;
    walk->at = next;
    return next;
}

bool census_zone(const struct target *target, unsigned index, struct zone *zone)
{
    const struct root_table *zones = &target->root.zones;

    return index < zones->count &&
           far_read(target,
                    far_address(&zones->start) + (size_t)index * zones->stride,
                    zone, sizeof *zone);
}

/* Every free block of one order: state, order, place; how many. */
static size_t walk_free_area(const struct target *target,
                             const struct zone *zone, uintptr_t head,
                             unsigned order, struct census *census)
{
    struct list_walk walk = list_walk_start(target, head);
    uintptr_t map = far_address(&zone->pages);
    size_t blocks = 0;
    uintptr_t link;

    while ((link = list_walk_next(&walk)) != 0) {
        struct page page;
        uintptr_t at = link - offsetof(struct page, lru);
        size_t pfn = (at - map) / sizeof page;
        if (!far_read(target, at, &page, sizeof page) ||
            page.state != PAGE_BUDDY || page.order != order ||
            (pfn & (((size_t)1 << order) - 1)) != 0 ||
            pfn + ((size_t)1 << order) > zone->frontier) {
            census_fault(census, "buddy: a block that is none", at);
            break;
        }
        blocks++;
    }
    if (walk.broken)
        census_fault(census, "buddy: broken list", head);
    return blocks;
}

/* The free areas at that address, one an order; pages on their lists. */
static size_t walk_areas(const struct target *target, const struct zone *zone,
                         uintptr_t at, const struct free_area *areas,
                         unsigned norders, uint32_t mask, struct census *census)
{
    size_t free_pages = 0;

    for (unsigned order = 0; order < norders; order++) {
        uintptr_t head =
            at + order * sizeof *areas + offsetof(struct free_area, list);
        size_t blocks = walk_free_area(target, zone, head, order, census);
        if (blocks != areas[order].nr_free)
            census_fault(census, "buddy: nr_free differs from the list", head);
        if ((blocks > 0) != ((mask >> order & 1) != 0))
            census_fault(census, "buddy: the mask of orders differs", head);
        census->free_blocks[order] += blocks;
        free_pages += blocks << order;
    }
    return free_pages;
}

static void walk_buddy(const struct target *target, const struct zone *zone,
                       uintptr_t zone_at, struct census *census)
{
    const struct buddy *buddy = &zone->buddy;
    uintptr_t at = zone_at + offsetof(struct zone, buddy);
    size_t free_pages =
        walk_areas(target, zone, at + offsetof(struct buddy, free_area),
                   buddy->free_area, NORDERS, buddy->order_mask, census);

    free_pages += walk_areas(
        target, zone, at + offsetof(struct buddy, small_area),
        buddy->small_area, PAGEBLOCK_ORDER, buddy->small_mask, census);
    if (free_pages != buddy->nr_free)
        census_fault(census, "buddy: nr_free of all orders", zone_at);
    census->free_pages += free_pages;
}

static void count_run(const struct target *target, uintptr_t mem,
                      const struct page *page, struct census *census)
{
    if (census_is_marked(target, mem)) {
        census->runs_cached++;
        return;
    }
    census->runs++;
    census->run_bytes += (size_t)page->npages << PAGE_SHIFT;
}

/* One block that starts at `mem`; its length in pages. */
static size_t count_block(const struct target *target, uintptr_t mem,
                          const struct page *page, struct census *census)
{
    struct slab slab;

    switch ((enum page_state)page->state) {
    case PAGE_BUDDY:
    case PAGE_PCP:
    case PAGE_SLAB:
        return (size_t)1 << page->order;
    case PAGE_CACHE:
        __builtin_memcpy(&slab, page, sizeof slab);
        census->cache_slots += slab.inuse;
        census->cache = far_address(&slab.cache);
        return (size_t)1 << page->order;
    case PAGE_RUN:
        count_run(target, mem, page, census);
        return page->npages;
    case PAGE_USER:
        census->user_pages += page->npages;
        return page->npages;
    case PAGE_ARENA:
        return page->npages;
    case PAGE_NONE:
        return 1;
    }
    census_fault(census, "page: unknown state", mem);
    return 1;
}

/* The page map block by block: free blocks must sum up to the lists'. */
static void walk_map(const struct target *target, const struct zone *zone,
                     struct census *census)
{
    struct page pages[BATCH];
    size_t start = 0;
    size_t have = 0;
    size_t free_pages = 0;

    for (size_t pfn = zone->first; pfn < zone->frontier;) {
        if (pfn < start || pfn >= start + have) {
            start = pfn;
            have = zone->frontier - pfn < BATCH ? zone->frontier - pfn : BATCH;
            uintptr_t at = far_address(&zone->pages) + pfn * sizeof *pages;
            if (!far_read(target, at, pages, have * sizeof *pages)) {
                census_fault(census, "page: unreadable descriptors", at);
                return;
            }
        }
        const struct page *page = &pages[pfn - start];
        size_t npages =
            count_block(target, page_address(zone->base, pfn), page, census);
        if (page->state == PAGE_BUDDY)
            free_pages += npages;
        pfn += npages > 0 ? npages : 1;
    }
    if (free_pages != zone->buddy.nr_free) {
        census_fault(census, "page: free blocks in the map and on the lists",
                     zone->base);
    }
}

void census_zones(const struct target *target, struct census *census)
{
    const struct root_table *zones = &target->root.zones;
    uint32_t count = 0;
    struct zone zone;

    if (!far_read(target, far_address(&target->root.zone_count), &count,
                  sizeof count) ||
        count > zones->count) {
        census_fault(census, "root: zone_count", 0);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!census_zone(target, i, &zone) || zone.frontier > zone.npages ||
            zone.first > zone.frontier || zone.index != i) {
            census_fault(census, "zone: unreadable or absurd", i);
            continue;
        }
        census->zones++;
        walk_buddy(target, &zone,
                   far_address(&zones->start) + (size_t)i * zones->stride,
                   census);
        walk_map(target, &zone, census);
    }
}
