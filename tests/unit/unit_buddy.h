/* SPDX-License-Identifier: MIT */
#ifndef UNIT_BUDDY_H
#define UNIT_BUDDY_H
/*
 * What tests of the buddy lists share: a map of pages that nobody backs.
 */
#include "unit.h"

#include "page/buddy.h"

enum {
    PAGES = 8192, /* two blocks of the largest order */
    BLOCK = 1 << PAGEBLOCK_ORDER,
};

static struct page pages[PAGES];
static uint64_t small_blocks[PAGES / 64];
static struct buddy buddy;

/* `npages` pages, all free. */
UNUSED static void start(size_t npages)
{
    memset(pages, 0, sizeof(pages));
    memset(small_blocks, 0, sizeof(small_blocks));
    buddy_init(&buddy, pages, npages, small_blocks);
    buddy_free_run(&buddy, 0, npages, false);
}

/* Free blocks of each order, as digits from order 0: 0012 = two of order 3. */
UNUSED static unsigned long blocks(void)
{
    unsigned long digits = 0;

    for (unsigned order = NORDERS; order-- > 0;) {
        digits = digits * 10 + buddy.free_area[order].nr_free;
        if (order < PAGEBLOCK_ORDER)
            digits += buddy.small_area[order].nr_free;
    }
    return digits;
}

#endif
