/* SPDX-License-Identifier: MIT */
#include "page/buddy.h"

#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/list.h"
#include "layout/invariants.h"
#include "page/page_map.h"

enum {
    LOWEST_SCAN = 16, /* blocks of an order looked at for the lowest */
};

void buddy_init(struct buddy *buddy, struct page *pages, size_t npages,
                uint64_t *small_blocks)
{
    *buddy = (struct buddy){
        .pages = pages, .npages = npages, .small_blocks = small_blocks};
    for (unsigned order = 0; order < NORDERS; order++)
        list_init(&buddy->free_area[order].list);
    for (unsigned order = 0; order < PAGEBLOCK_ORDER; order++)
        list_init(&buddy->small_area[order].list);
}

bool buddy_is_free(const struct buddy *buddy, size_t pfn, unsigned order)
{
    return pfn < buddy->npages && buddy->pages[pfn].state == PAGE_BUDDY &&
           buddy->pages[pfn].order == order;
}

static size_t pageblock_of(size_t pfn)
{
    return round_down(pfn, (size_t)1 << PAGEBLOCK_ORDER);
}

/* Whether the block lies in a pageblock for small requests. */
static bool is_in_small(const struct buddy *buddy, size_t pfn, unsigned order)
{
    return order < PAGEBLOCK_ORDER &&
           bitmap_test(buddy->small_blocks, pageblock_of(pfn));
}

/* A free pageblock is for nobody in particular. */
static void small_clear(struct buddy *buddy, size_t pfn, unsigned order)
{
    size_t end = pfn + ((size_t)1 << order);

    /* Where no bit was ever set the map stays untouched. */
    if (order >= PAGEBLOCK_ORDER &&
        bitmap_next(buddy->small_blocks, pfn, end, true) < end)
        bitmap_clear(buddy->small_blocks, pfn, end - pfn);
}

static void block_insert(struct buddy *buddy, size_t pfn, unsigned order,
                         bool last)
{
    struct page *page = &buddy->pages[pfn];
    bool small = is_in_small(buddy, pfn, order);
    struct free_area *area =
        small ? &buddy->small_area[order] : &buddy->free_area[order];

    small_clear(buddy, pfn, order);
    page_set_state(page, PAGE_BUDDY);
    page->order = (uint8_t)order;
    page->flags = last ? PAGE_FLAG_COLD : 0;
    if (last) {
        list_insert_tail(&area->list, &page->lru);
    } else {
        list_insert(&area->list, &page->lru);
    }
    area->nr_free++;
    *(small ? &buddy->small_mask : &buddy->order_mask) |= 1u << order;
    buddy->nr_free += (size_t)1 << order;
}

void buddy_isolate(struct buddy *buddy, size_t pfn)
{
    struct page *page = &buddy->pages[pfn];
    unsigned order = page->order;
    bool small = is_in_small(buddy, pfn, order);
    struct free_area *area =
        small ? &buddy->small_area[order] : &buddy->free_area[order];

    ASSERT(1, page_state(page) == PAGE_BUDDY);
    list_remove(&page->lru);
    page_set_state(page, PAGE_NONE);
    if (--area->nr_free == 0)
        *(small ? &buddy->small_mask : &buddy->order_mask) &= ~(1u << order);
    buddy->nr_free -= (size_t)1 << order;
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
static size_t lowest(const struct buddy *buddy, const struct free_area *area)
{
    const struct page *best = NULL;
    unsigned seen = 0;

    if (area == NULL)
        return PFN_NONE;
    list_for_each (it, &area->list) {
        const struct page *page = CONTAINER_OF(it, struct page, lru);
        if (best != NULL && is_cold(page) && !is_cold(best))
            break;
        if (best == NULL || page < best)
            best = page;
        if (++seen == LOWEST_SCAN)
            break;
    }
    return best != NULL ? buddy_pfn(buddy, best) : PFN_NONE;
}

static const struct free_area *first_area(const struct free_area *areas,
                                          uint32_t mask)
{
    return mask != 0 ? &areas[__builtin_ctz(mask)] : NULL;
}

/* Small requests: from their own pageblocks; else they take a whole one. */
static const struct free_area *small_find(const struct buddy *buddy,
                                          unsigned order)
{
    const struct free_area *area =
        first_area(buddy->small_area, buddy->small_mask & ~0u << order);

    return area != NULL
               ? area
               : first_area(buddy->free_area,
                            buddy->order_mask & ~0u << PAGEBLOCK_ORDER);
}

bool buddy_has_crumbs_only(const struct buddy *buddy, unsigned order)
{
    return order <= BUDDY_SMALL_ORDER && small_find(buddy, order) == NULL;
}

/* Large ones stay out of these while they can. */
static const struct free_area *large_find(const struct buddy *buddy,
                                          unsigned order)
{
    uint32_t fitting = ~0u << order;
    const struct free_area *area =
        first_area(buddy->free_area, buddy->order_mask & fitting);

    if (area == NULL)
        area = first_area(buddy->small_area, buddy->small_mask & fitting);
    return area;
}

void buddy_note_growth(struct buddy *buddy, size_t from, size_t start,
                       size_t npages)
{
    size_t block = pageblock_of(start);

    if (npages <= (size_t)1 << BUDDY_SMALL_ORDER && block >= from)
        bitmap_set(buddy->small_blocks, block, 1);
}

size_t buddy_alloc(struct buddy *buddy, unsigned order)
{
    if (order > MAX_ORDER)
        return PFN_NONE;
    const struct free_area *area =
        order <= BUDDY_SMALL_ORDER ? small_find(buddy, order) : NULL;
    if (area == NULL)
        area = large_find(buddy, order);
    size_t pfn = lowest(buddy, area);
    if (pfn == PFN_NONE)
        return PFN_NONE;
    unsigned from = buddy->pages[pfn].order;
    buddy_isolate(buddy, pfn);
    if (order <= BUDDY_SMALL_ORDER && from >= PAGEBLOCK_ORDER)
        bitmap_set(buddy->small_blocks, pageblock_of(pfn), 1);
    block_split(buddy, pfn, from, order);
    return pfn;
}

size_t buddy_free(struct buddy *buddy, size_t pfn, unsigned order, bool last)
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
    return pfn;
}

/* Whether a block with a free area's order may be on that list. */
static const char *block_check(const struct buddy *buddy, size_t pfn,
                               unsigned order, bool small)
{
    if (!buddy_is_free(buddy, pfn, order) ||
        is_in_small(buddy, pfn, order) != small)
        return invariant_broken(INVARIANT_BUDDY_BLOCK);
    if (pfn & (((size_t)1 << order) - 1))
        return invariant_broken(INVARIANT_BUDDY_ALIGN);
    if (order < MAX_ORDER && buddy_is_free(buddy, buddy_of(pfn, order), order))
        return invariant_broken(INVARIANT_BUDDY_MERGE);
    return NULL;
}

static const char *area_check(const struct buddy *buddy, unsigned order,
                              bool small, size_t *pages)
{
    const struct free_area *area =
        small ? &buddy->small_area[order] : &buddy->free_area[order];
    uint32_t mask = small ? buddy->small_mask : buddy->order_mask;
    size_t count = 0;

    list_for_each (it, &area->list) {
        size_t pfn = buddy_pfn(buddy, CONTAINER_OF(it, struct page, lru));
        const char *wrong = block_check(buddy, pfn, order, small);
        if (wrong != NULL)
            return wrong;
        count++;
    }
    if (count != area->nr_free)
        return invariant_broken(INVARIANT_BUDDY_COUNT);
    if ((count > 0) != ((mask >> order & 1) != 0))
        return invariant_broken(INVARIANT_BUDDY_MASK);
    *pages += count << order;
    return NULL;
}

const char *buddy_check(const struct buddy *buddy)
{
    size_t pages = 0;
    const char *wrong = NULL;

    for (unsigned order = 0; wrong == NULL && order < NORDERS; order++)
        wrong = area_check(buddy, order, false, &pages);
    for (unsigned order = 0; wrong == NULL && order < PAGEBLOCK_ORDER; order++)
        wrong = area_check(buddy, order, true, &pages);
    if (wrong != NULL || pages == buddy->nr_free)
        return wrong;
    return invariant_broken(INVARIANT_BUDDY_TOTAL);
}
