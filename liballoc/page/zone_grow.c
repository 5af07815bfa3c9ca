/* SPDX-License-Identifier: MIT */
/*
 * A zone is two mappings: the span itself, and its page map, laid out as
 * tags, descriptors, dirty bits, bits of segments' starts, bits of pageblocks,
 * each part starting on a 64 KiB boundary.
 * Both start as reservations; the tags are readable everywhere (they read as
 * "nobody's"), the rest becomes usable as the frontier moves.
 */
#include "page/zone_grow.h"

#include "base/lock.h"
#include "os/os_env.h"
#include "os/os_mem.h"
#include "page/buddy.h"
#include "page/huge_page.h"
#include "page/page_map.h"
#include "page/zone.h"

enum {
    MAP_STEP = 16384,  /* pages whose map is committed at a time */
    FRONTIER_STEP = 8, /* pages */
    GROW_MIN = 2 * MIB / PAGE_BYTES,
    GROW_MAX = 64 * MIB / PAGE_BYTES,
    PART_ALIGN = 64 * KIB, /* largest system page */
};

/* Reservations tried for zone 0, and the part of the span left to brk. */
static const struct {
    size_t size;
    size_t brk_window;
} reservations[] = {
    {256 * GIB, 64 * GIB}, {64 * GIB, 16 * GIB},  {16 * GIB, 4 * GIB},
    {4 * GIB, 1 * GIB},    {1 * GIB, 1 * GIB},    {256 * (size_t)MIB, 0},
    {64 * (size_t)MIB, 0}, {16 * (size_t)MIB, 0},
};

struct lock zone_adding = LOCK_INIT(LOCK_RANK_ADDING);
struct lock zone_purging = LOCK_INIT(LOCK_RANK_PURGE);

/* Offsets of the parts of a page map for `npages` pages. */
struct map_parts {
    size_t pages;
    size_t dirty;
    size_t starts;
    size_t small;
    size_t size;
};

static struct map_parts map_parts(size_t npages)
{
    struct map_parts parts;

    parts.pages = round_up(npages * sizeof(uint32_t), PART_ALIGN);
    parts.dirty =
        round_up(parts.pages + npages * sizeof(struct page), PART_ALIGN);
    parts.starts = round_up(parts.dirty + npages / 8 + 8, PART_ALIGN);
    parts.small = round_up(parts.starts + npages / 8 + 8, PART_ALIGN);
    parts.size = round_up(parts.small + npages / 8 + 8, PART_ALIGN);
    return parts;
}

/* Reserves the page map; false on failure. */
static bool map_reserve(struct zone *zone)
{
    struct map_parts parts = map_parts(zone->npages);
    /* What is reserved and never committed guards both ends. */
    char *map = os_reserve(NULL, parts.size + 2 * (size_t)PART_ALIGN);

    if (map == NULL)
        return false;
    map += PART_ALIGN;
    if (!os_commit_readonly(map, parts.pages)) {
        os_unmap(map - PART_ALIGN, parts.size + 2 * (size_t)PART_ALIGN);
        return false;
    }
    os_name(map, parts.size, "liballoc page map");
    zone->tags = (_Atomic uint32_t *)(void *)map;
    zone->pages = (struct page *)(void *)(map + parts.pages);
    zone->dirty = (uint64_t *)(void *)(map + parts.dirty);
    zone->starts = (uint64_t *)(void *)(map + parts.starts);
    zone->small_blocks = (uint64_t *)(void *)(map + parts.small);
    return true;
}

/* [start, end) of one part, widened to system pages. */
static bool part_commit(const void *start, const void *end)
{
    uintptr_t from = round_down((uintptr_t)start, os_page_size());
    uintptr_t to = round_up((uintptr_t)end, os_page_size());

    return os_commit((void *)from, to - from);
}

/* Makes the page map usable up to `pfn`. */
static bool map_commit(struct zone *zone, size_t pfn)
{
    size_t from = zone->meta_to;
    size_t to = min_size(round_up(pfn, MAP_STEP), zone->npages);

    if (pfn <= from)
        return true;
    if (!part_commit(&zone->tags[from], &zone->tags[to]) ||
        !part_commit(&zone->pages[from], &zone->pages[to]) ||
        !part_commit(&zone->dirty[from / 64], &zone->dirty[to / 64 + 1]) ||
        !part_commit(&zone->starts[from / 64], &zone->starts[to / 64 + 1]) ||
        !part_commit(&zone->small_blocks[from / 64],
                     &zone->small_blocks[to / 64 + 1]))
        return false;
    zone->meta_to = to;
    return true;
}

/* Makes the span usable up to `to`; false on failure. */
static bool commit_to(struct zone *zone, size_t to)
{
    size_t from = zone->committed;
    void *start = (void *)page_address(zone->base, from);

    if (to <= from)
        return true;
    if (!map_commit(zone, to) || !os_commit(start, (to - from) << PAGE_SHIFT))
        return false;
    zone->committed = to;
    huge_page_advise(zone, from, to);
    return true;
}

/*
 * The frontier moves by what is needed, the committed part in larger steps:
 * buddies above the frontier do not exist, so no block that was used merges
 * with untouched memory, and untouched memory is handed out last.
 */
size_t zone_grow(struct zone *zone, size_t npages, unsigned align_order)
{
    size_t from = zone->frontier;
    size_t start = round_up(from, (size_t)1 << align_order);
    size_t stop = start + npages;
    size_t end = round_up(stop, FRONTIER_STEP);

    if (end > zone->npages)
        return PFN_NONE;
    size_t step =
        clamp_size((zone->committed - zone->first) / 8, GROW_MIN, GROW_MAX);
    size_t to =
        min_size(round_up(max_size(zone->committed + step, end), GROW_MIN),
                 zone->npages);
    if (end > zone->committed && !commit_to(zone, to) && !commit_to(zone, end))
        return PFN_NONE;
    zone->frontier = end;
    zone->buddy.npages = end;
    buddy_note_growth(&zone->buddy, from, start, npages);
    buddy_free_run(&zone->buddy, from, start - from, true);
    buddy_free_run(&zone->buddy, stop, end - stop, true);
    return start;
}

/* Gives `zone` its map and numbers, and publishes it. */
static bool zone_start(struct zone *zone, uintptr_t base, size_t window,
                       size_t size)
{
    zone->base = base;
    zone->first = window >> PAGE_SHIFT;
    zone->npages = (window + size) >> PAGE_SHIFT;
    if (!map_reserve(zone))
        return false;
    zone->frontier = zone->first;
    zone->committed = zone->first;
    zone->meta_to = zone->first;
    zone->hugepage_to = zone->first;
    zone->index = (uint32_t)(zone - zones);
    zone->lock = (struct lock)LOCK_INIT(LOCK_RANK_ZONE);
    buddy_init(&zone->buddy, zone->pages, zone->frontier, zone->small_blocks);
    zone->buddy.first = zone->first;
    return true;
}

/*
 * `size` bytes of addresses aligned to min(size, 64 MiB); 0 on failure.  The
 * parts cut off to align it are given back.
 */
static uintptr_t span_reserve(size_t size)
{
    size_t align = min_size(size, (size_t)PAGE_BYTES << MAX_ORDER);
    uintptr_t at = (uintptr_t)os_reserve(NULL, size + align);

    if (at == 0)
        return 0;
    uintptr_t start = round_up(at, align);
    if (start > at)
        os_unmap((void *)at, start - at);
    if (at + align > start)
        os_unmap((void *)(start + size), at + align - start);
    return start;
}

/* Zone 0 right above the break, so that its span covers brk; 0 = occupied. */
static uintptr_t span_reserve_above_brk(size_t size, size_t window)
{
    size_t align = (size_t)PAGE_BYTES << MAX_ORDER;
    uintptr_t brk = (uintptr_t)os_brk_current();

    if (brk == 0 || window == 0)
        return 0;
    uintptr_t base = round_down(brk, align);
    void *want = (void *)(base + window);
    void *got = os_reserve(want, size);
    if (got == want)
        return base;
    if (got != NULL)
        os_unmap(got, size);
    return 0;
}

static bool zone_try(struct zone *zone, size_t size, size_t window)
{
    uintptr_t base = span_reserve_above_brk(size, window);

    window = base != 0 ? window : 0;
    base = base != 0 ? base : span_reserve(size);
    if (base == 0)
        return false;
    if (zone_start(zone, base, window, size)) {
        os_name((void *)(base + window), size, "liballoc zone");
        return true;
    }
    os_unmap((void *)(base + window), size);
    return false;
}

bool zone_init(void)
{
    size_t limit = os_address_limit();

    for (size_t i = 0; i < sizeof reservations / sizeof *reservations; i++) {
        size_t size = reservations[i].size;
        /* Half of the limit is left to stacks, libraries, mmapped chunks. */
        if (limit != SIZE_MAX && size > limit / 2)
            continue;
        if (zone_try(&zones[0], size, reservations[i].brk_window)) {
            /* release: publishes zones[0]; pairs with page_lookup() */
            store_release(&zone_count, 1);
            return true;
        }
    }
    return false;
}

bool zone_add(size_t npages, unsigned align_order)
{
    size_t least = max_size(npages, (size_t)1 << align_order) << PAGE_SHIFT;
    size_t size = max_size((size_t)1 << log2_ceil(least), GIB);
    bool added = false;

    lock_acquire(&zone_adding);
    /* acquire: pairs with the release below */
    unsigned count = load_acquire(&zone_count);
    while (count > 0 && count < MAX_ZONES && !added && size >= 4 * MIB &&
           size >= least) {
        added = zone_try(&zones[count], size, 0);
        size /= 4;
    }
    if (added) {
        /* release: publishes the zone; pairs with page_lookup() */
        store_release(&zone_count, count + 1);
    }
    lock_release(&zone_adding);
    return added;
}
