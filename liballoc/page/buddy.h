/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_BUDDY_H
#define LIBALLOC_PAGE_BUDDY_H
/*
 * Buddy lists: free blocks of 2^order pages, split on demand, merged with
 * their buddies when they come back.
 *
 * Requests of up to 64 KiB, slabs that is, live long and would cut what large
 * ones leave into pieces that fit none of them again.  So they keep to
 * pageblocks of 512 KiB that they take whole, where they can; the others stay
 * out of these, where they can; a pageblock that is free is for both.
 * Layer: page.  Pure: no system call, no lock (the zone's).
 * Source: Knuth, TAOCP 1, 2.5; Linux mm/page_alloc.c, pageblocks and migrate
 * types (Gorman and Whitcroft, OLS 2006) included.
 */
#include "layout/page.h"

#include <stdbool.h>

/* What a function returns when there is no such block. */
#define PFN_NONE ((size_t)-1)

enum {
    BUDDY_SMALL_ORDER = 2, /* largest small request: 64 KiB */
};

static inline size_t buddy_pfn(const struct buddy *buddy,
                               const struct page *page)
{
    return (size_t)(page - buddy->pages);
}

/*
 * `pages` is the map of page frames 0..npages-1, all of them taken;
 * `small_blocks` has a bit for each, all clear.
 */
void buddy_init(struct buddy *buddy, struct page *pages, size_t npages,
                uint64_t *small_blocks);

/* A block of 2^order pages; PFN_NONE if there is none that large. */
size_t buddy_alloc(struct buddy *buddy, unsigned order);

/*
 * True: a small request would get, if anything, a crumb between large runs.
 * It would keep these from merging again: untouched memory costs less.
 */
bool buddy_has_crumbs_only(const struct buddy *buddy, unsigned order);

/*
 * `npages` pages starting at a multiple of 2^align_order; the rest of the
 * block they are cut from goes back.  PFN_NONE if there is none.
 */
size_t buddy_alloc_run(struct buddy *buddy, size_t npages,
                       unsigned align_order);

/*
 * The end moved from `from` up, for `npages` pages at `start`: if they are the
 * first of their pageblock, what they are says what it is for.
 */
void buddy_note_growth(struct buddy *buddy, size_t from, size_t start,
                       size_t npages);

/*
 * `last`: to be handed out after the other blocks of its order.  Returns the
 * start of the free block that it now is, or is a part of.
 */
size_t buddy_free(struct buddy *buddy, size_t pfn, unsigned order, bool last);

/* Any run of pages, as the largest aligned blocks it holds. */
void buddy_free_run(struct buddy *buddy, size_t pfn, size_t npages, bool last);

/*
 * Takes exactly the pages [pfn, pfn + npages) if all are free; false: some
 * are not, nothing changed.  For growth in place.
 */
bool buddy_take_run(struct buddy *buddy, size_t pfn, size_t npages);

/* Takes the free block that starts at pfn off its list. */
void buddy_isolate(struct buddy *buddy, size_t pfn);

/* True if a free block of that very order starts at pfn. */
bool buddy_is_free(const struct buddy *buddy, size_t pfn, unsigned order);

/* NULL, or which property does not hold.  ASSERT level 3. */
const char *buddy_check(const struct buddy *buddy);

#endif
