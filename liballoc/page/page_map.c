/* SPDX-License-Identifier: MIT */
#include "page/page_map.h"

#include "os/os_mem.h"

struct zone zones[MAX_ZONES];
_Atomic unsigned zone_count;

enum {
    BRK_TAGS_STEP = 16384, /* tags made writable at a time: 256 MiB of brk */
};

bool page_lookup(uintptr_t address, struct page_ref *ref)
{
    /* acquire: pairs with the release in zone_add() */
    unsigned count = load_acquire(&zone_count);

    for (unsigned i = 0; i < count; i++) {
        struct zone *zone = &zones[i];
        size_t pfn = page_pfn(zone->base, address);
        if (address < zone->base || pfn >= zone->npages)
            continue;
        ref->zone = zone;
        ref->pfn = pfn;
        /* stale ok: stable while the caller holds a pointer into the page */
        ref->tag = load_relaxed(&zone->tags[pfn]);
        return true;
    }
    return false;
}

void tag_set(struct zone *zone, size_t pfn, size_t npages, uint32_t tag)
{
    for (size_t i = 0; i < npages; i++) {
        /* stale ok: who reads it got a pointer into the page by other means */
        store_relaxed(&zone->tags[pfn + i], tag);
    }
}

bool tag_set_brk(uintptr_t start, uintptr_t end, uint32_t tag)
{
    static size_t usable_to; /* Protected by: the main arena's lock */
    struct zone *zone = &zones[0];

    if (start < zone->base || end > page_address(zone->base, zone->first))
        return false;
    size_t pfn = page_pfn(zone->base, start);
    size_t last = page_pfn(zone->base, end - 1);
    if (last >= usable_to) {
        size_t to = min_size(round_up(last + 1, BRK_TAGS_STEP), zone->first);
        uintptr_t from = (uintptr_t)&zone->tags[round_down(pfn, BRK_TAGS_STEP)];
        uintptr_t stop = (uintptr_t)&zone->tags[to];
        from = round_down(from, os_page_size());
        if (!os_commit((void *)from, round_up(stop - from, os_page_size())))
            return false;
        usable_to = to;
    }
    tag_set(zone, pfn, last + 1 - pfn, tag);
    return true;
}
