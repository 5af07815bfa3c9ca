/* SPDX-License-Identifier: MIT */
/*
 * Runs of any number of pages, in terms of blocks.
 */
#include "base/bits.h"
#include "base/list.h"
#include "page/buddy.h"
#include "page/page_map.h"

enum {
    COMPOSITE_SCAN = 32, /* blocks of a list whose surroundings are looked at */
    COMPOSITE_DEPTH = 2, /* orders below the request's: n pages in a row hold
                            a block of more than n / 4 */
};

/* The free block that pfn lies in; PFN_NONE if it is taken. */
static size_t block_around(const struct buddy *buddy, size_t pfn)
{
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        size_t start = round_down(pfn, (size_t)1 << order);
        if (buddy_is_free(buddy, start, order))
            return start;
    }
    return PFN_NONE;
}

static size_t block_end(const struct buddy *buddy, size_t start)
{
    return start + ((size_t)1 << buddy->pages[start].order);
}

/*
 * Where `npages` free pages in a row start that hold the block at pfn: behind
 * it first, then in front.  PFN_NONE: its free neighbours do not suffice.
 */
static size_t run_around(const struct buddy *buddy, size_t pfn, size_t npages)
{
    size_t start = pfn;
    size_t end = block_end(buddy, pfn);

    while (end - start < npages && end < buddy->npages) {
        size_t block = block_around(buddy, end);
        if (block == PFN_NONE)
            break;
        end = block_end(buddy, block);
    }
    while (end - start < npages && start > buddy->first) {
        size_t block = block_around(buddy, start - 1);
        if (block == PFN_NONE)
            return PFN_NONE;
        start = block;
    }
    return end - start < npages ? PFN_NONE : start;
}

/*
 * Blocks that are no buddies do not merge; such neighbours serve a run, before
 * a larger block is broken for it, or more memory taken.
 */
static size_t alloc_composite(struct buddy *buddy, const struct free_area *area,
                              size_t npages)
{
    unsigned seen = 0;

    list_for_each (it, &area->list) {
        size_t pfn = buddy_pfn(buddy, CONTAINER_OF(it, struct page, lru));
        size_t start = run_around(buddy, pfn, npages);
        if (start != PFN_NONE) {
            buddy_take_run(buddy, start, npages);
            return start;
        }
        if (++seen == COMPOSITE_SCAN)
            break;
    }
    return PFN_NONE;
}

/* The last resort of a large run: neighbours of any kind and order. */
static size_t alloc_scattered(struct buddy *buddy, size_t npages,
                              unsigned order)
{
    size_t pfn = PFN_NONE;

    for (unsigned below = 1; below <= COMPOSITE_DEPTH && below <= order;
         below++) {
        unsigned part = order - below;
        pfn = alloc_composite(buddy, &buddy->free_area[part], npages);
        if (pfn == PFN_NONE && part < PAGEBLOCK_ORDER)
            pfn = alloc_composite(buddy, &buddy->small_area[part], npages);
        if (pfn != PFN_NONE)
            break;
    }
    return pfn;
}

size_t buddy_alloc_run(struct buddy *buddy, size_t npages, unsigned align_order)
{
    if (npages == 0 || npages > (size_t)1 << MAX_ORDER)
        return PFN_NONE;
    unsigned order = log2_ceil(npages);
    const struct free_area *areas =
        order <= BUDDY_SMALL_ORDER ? buddy->small_area : buddy->free_area;
    if (align_order == 0 && order > 0 && !is_pow2(npages) &&
        areas[order].nr_free == 0) {
        size_t composite = alloc_composite(buddy, &areas[order - 1], npages);
        if (composite != PFN_NONE)
            return composite;
    }
    unsigned whole = order > align_order ? order : align_order;
    size_t pfn = buddy_alloc(buddy, whole);
    size_t rest = ((size_t)1 << whole) - npages;
    if (pfn != PFN_NONE && rest > 0)
        buddy_free_run(buddy, pfn + npages, rest, false);
    if (pfn == PFN_NONE && align_order == 0 && order > BUDDY_SMALL_ORDER)
        pfn = alloc_scattered(buddy, npages, order);
    return pfn;
}

/* Order of the largest aligned block at pfn within npages. */
static unsigned order_at(size_t pfn, size_t npages)
{
    unsigned by_size = log2_floor(npages);
    unsigned by_align = pfn == 0 ? MAX_ORDER : (unsigned)__builtin_ctzl(pfn);
    unsigned order = by_size < by_align ? by_size : by_align;

    return order < MAX_ORDER ? order : MAX_ORDER;
}

void buddy_free_run(struct buddy *buddy, size_t pfn, size_t npages, bool last)
{
    while (npages > 0) {
        unsigned order = order_at(pfn, npages);
        buddy_free(buddy, pfn, order, last);
        pfn += (size_t)1 << order;
        npages -= (size_t)1 << order;
    }
}

static bool run_is_free(const struct buddy *buddy, size_t pfn, size_t end)
{
    while (pfn < end) {
        size_t start = block_around(buddy, pfn);
        if (start == PFN_NONE)
            return false;
        pfn = block_end(buddy, start);
    }
    return true;
}

bool buddy_take_run(struct buddy *buddy, size_t pfn, size_t npages)
{
    size_t end = pfn + npages;

    if (pfn < buddy->first || end > buddy->npages ||
        !run_is_free(buddy, pfn, end))
        return false;
    while (pfn < end) {
        size_t start = block_around(buddy, pfn);
        size_t stop = block_end(buddy, start);
        buddy_isolate(buddy, start);
        if (start < pfn)
            buddy_free_run(buddy, start, pfn - start, false);
        if (stop > end)
            buddy_free_run(buddy, end, stop - end, false);
        pfn = stop;
    }
    return true;
}
