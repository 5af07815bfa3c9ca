/* SPDX-License-Identifier: MIT */
#include "page/buddy.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/list.h"
#include "layout/invariants.h"
#include "page/page_map.h"

enum {
    COMPOSITE_SCAN = 64, /* blocks tried for a run that is no power of two */
    LOWEST_SCAN = 16,    /* blocks of an order looked at for the lowest */
};

void buddy_init(struct buddy *buddy, struct page *pages, size_t npages)
{
    *buddy = (struct buddy){.pages = pages, .npages = npages};
    for (unsigned order = 0; order < NORDERS; order++)
        list_init(&buddy->free_area[order].list);
}

static size_t pfn_of(const struct buddy *buddy, const struct page *page)
{
    return (size_t)(page - buddy->pages);
}

bool buddy_is_free(const struct buddy *buddy, size_t pfn, unsigned order)
{
    return pfn < buddy->npages && buddy->pages[pfn].state == PAGE_BUDDY &&
           buddy->pages[pfn].order == order;
}

static void block_insert(struct buddy *buddy, size_t pfn, unsigned order,
                         bool last)
{
    struct page *page = &buddy->pages[pfn];
    struct free_area *area = &buddy->free_area[order];

    page_set_state(page, PAGE_BUDDY);
    page->order = (uint8_t)order;
    page->flags = last ? PAGE_FLAG_COLD : 0;
    if (last) {
        list_insert_tail(&area->list, &page->lru);
    } else {
        list_insert(&area->list, &page->lru);
    }
    area->nr_free++;
    buddy->order_mask |= 1u << order;
    buddy->nr_free += (size_t)1 << order;
}

void buddy_isolate(struct buddy *buddy, size_t pfn)
{
    struct page *page = &buddy->pages[pfn];
    struct free_area *area = &buddy->free_area[page->order];

    ASSERT(1, page_state(page) == PAGE_BUDDY);
    list_remove(&page->lru);
    page_set_state(page, PAGE_NONE);
    if (--area->nr_free == 0)
        buddy->order_mask &= ~(1u << page->order);
    buddy->nr_free -= (size_t)1 << page->order;
}

static bool is_cold(const struct page *page)
{
    return (page->flags & PAGE_FLAG_COLD) != 0;
}

/* Halves a block, already off its list, down to `order`; keeps the front. */
static void block_split(struct buddy *buddy, size_t pfn, unsigned from,
                        unsigned order)
{
    bool last = is_cold(&buddy->pages[pfn]);

    while (from > order) {
        from--;
        block_insert(buddy, pfn + ((size_t)1 << from), from, last);
    }
}

/*
 * The lowest of the first blocks on the list, cold ones only if no other is
 * there: what is small and stays gathers at low addresses, and what is large
 * finds runs above.  (First fit by address: Wilson et al., "Dynamic Storage
 * Allocation", IWMM 1995; the bound keeps the time constant.)
 */
static size_t lowest(const struct buddy *buddy, unsigned order)
{
    const struct page *best = NULL;
    unsigned seen = 0;

    list_for_each (it, &buddy->free_area[order].list) {
        const struct page *page = CONTAINER_OF(it, struct page, lru);
        if (best != NULL && is_cold(page) && !is_cold(best))
            break;
        if (best == NULL || page < best)
            best = page;
        if (++seen == LOWEST_SCAN)
            break;
    }
    return pfn_of(buddy, best);
}

size_t buddy_alloc(struct buddy *buddy, unsigned order)
{
    uint32_t fitting = buddy->order_mask & ~0u << order;

    if (order > MAX_ORDER || fitting == 0)
        return PFN_NONE;
    unsigned from = (unsigned)__builtin_ctz(fitting);
    size_t pfn = lowest(buddy, from);
    buddy_isolate(buddy, pfn);
    block_split(buddy, pfn, from, order);
    return pfn;
}

/*
 * A run that is no power of two may fit in a block of the order below and its
 * free neighbours, before a larger block is broken for it.
 */
static size_t alloc_composite(struct buddy *buddy, size_t npages,
                              unsigned order)
{
    size_t half = (size_t)1 << order;
    unsigned seen = 0;

    list_for_each (it, &buddy->free_area[order].list) {
        size_t pfn = pfn_of(buddy, CONTAINER_OF(it, struct page, lru));
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
    if (align_order == 0 && order > 0 && !is_pow2(npages) &&
        buddy->free_area[order].nr_free == 0) {
        size_t composite = alloc_composite(buddy, npages, order - 1);
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

void buddy_free(struct buddy *buddy, size_t pfn, unsigned order, bool last)
{
    while (order < MAX_ORDER) {
        size_t other = buddy_of(pfn, order);
        if (!buddy_is_free(buddy, other, order))
            break;
        buddy_isolate(buddy, other);
        pfn = pfn < other ? pfn : other;
        order++;
    }
    block_insert(buddy, pfn, order, last);
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

static const char *area_check(const struct buddy *buddy, unsigned order,
                              size_t *pages)
{
    const struct free_area *area = &buddy->free_area[order];
    size_t count = 0;

    list_for_each (it, &area->list) {
        size_t pfn = pfn_of(buddy, CONTAINER_OF(it, struct page, lru));
        if (!buddy_is_free(buddy, pfn, order))
            return invariant_broken(INVARIANT_BUDDY_BLOCK);
        if (pfn & (((size_t)1 << order) - 1))
            return invariant_broken(INVARIANT_BUDDY_ALIGN);
        if (order < MAX_ORDER &&
            buddy_is_free(buddy, buddy_of(pfn, order), order))
            return invariant_broken(INVARIANT_BUDDY_MERGE);
        count++;
    }
    if (count != area->nr_free)
        return invariant_broken(INVARIANT_BUDDY_COUNT);
    if ((count > 0) != ((buddy->order_mask >> order & 1) != 0))
        return invariant_broken(INVARIANT_BUDDY_MASK);
    *pages += count << order;
    return NULL;
}

const char *buddy_check(const struct buddy *buddy)
{
    size_t pages = 0;

    for (unsigned order = 0; order < NORDERS; order++) {
        const char *wrong = area_check(buddy, order, &pages);
        if (wrong != NULL)
            return wrong;
    }
    return pages == buddy->nr_free ? NULL
                                   : invariant_broken(INVARIANT_BUDDY_TOTAL);
}
