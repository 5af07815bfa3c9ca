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
        ref->tag = load_relaxed(&zone->tags[pfn]) & ~(uint32_t)KIND_SAMPLED;
        return true;
    }
    return false;
}

void tag_set(struct zone *zone, size_t pfn, size_t npages, uint32_t tag)
{
    for (size_t i = 0; i < npages; i++) {
        _Atomic uint32_t *at = &zone->tags[pfn + i];
        /* The break grows within a page: its samples stay what they are. */
        /* stale ok: who reads it got a pointer into the page by other means */
        if ((load_relaxed(at) ^ tag) != KIND_SAMPLED)
            store_relaxed(at, tag); /* stale ok: as above */
    }
}

bool tag_is_sampled(const struct page_ref *ref)
{
    /* stale ok: the caller owns the block whose sample set it */
    uint32_t tag = load_relaxed(&ref->zone->tags[ref->pfn]);

    return (tag & KIND_SAMPLED) != 0;
}

void tag_set_sampled(const struct page_ref *ref, bool sampled)
{
    _Atomic uint32_t *tag = &ref->zone->tags[ref->pfn];

    if (sampled) {
        /* stale ok: the block travels to other threads by other means */
        or_relaxed(tag, KIND_SAMPLED);
    } else {
        /* stale ok: too often sampled costs a lookup, no more */
        and_relaxed(tag, ~(uint32_t)KIND_SAMPLED);
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
