/* SPDX-License-Identifier: MIT */
/*
 * Runs of any number of pages, in terms of blocks.
 */
#include "base/bits.h"
#include "base/list.h"
#include "page/buddy.h"
#include "page/page_map.h"

enum {
    COMPOSITE_SCAN = 64, /* blocks tried for a run that is no power of two */
};

/*
 * A run that is no power of two may fit in a block of the order below and its
 * free neighbours, before a larger block is broken for it.
 */
static size_t alloc_composite(struct buddy *buddy, const struct free_area *area,
                              size_t npages, unsigned order)
{
    size_t half = (size_t)1 << order;
    unsigned seen = 0;

    list_for_each (it, &area->list) {
        size_t pfn = buddy_pfn(buddy, CONTAINER_OF(it, struct page, lru));
        if (buddy_take_run(buddy, pfn, npages))
            return pfn;
        size_t before = pfn + half - npages;
        if (pfn + half >= npages && before < pfn &&
            buddy_take_run(buddy, before, npages))
            return before;
        if (++seen == COMPOSITE_SCAN)
            break;
    }
    return PFN_NONE;
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
        size_t composite =
            alloc_composite(buddy, &areas[order - 1], npages, order - 1);
        if (composite != PFN_NONE)
            return composite;
    }
    order = order > align_order ? order : align_order;
    size_t pfn = buddy_alloc(buddy, order);
    size_t rest = ((size_t)1 << order) - npages;
    if (pfn != PFN_NONE && rest > 0)
        buddy_free_run(buddy, pfn + npages, rest, false);
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

static bool run_is_free(const struct buddy *buddy, size_t pfn, size_t end)
{
    while (pfn < end) {
        size_t start = block_around(buddy, pfn);
        if (start == PFN_NONE)
            return false;
        pfn = start + ((size_t)1 << buddy->pages[start].order);
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
        size_t stop = start + ((size_t)1 << buddy->pages[start].order);
        buddy_isolate(buddy, start);
        if (start < pfn)
            buddy_free_run(buddy, start, pfn - start, false);
        if (stop > end)
            buddy_free_run(buddy, end, stop - end, false);
        pfn = stop;
    }
    return true;
}
