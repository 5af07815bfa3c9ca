/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_PURGE_H
#define LIBALLOC_PAGE_PURGE_H
/*
 * Giving free blocks of a zone back to the kernel; how many, and when,
 * reclaim.h says.
 * Layer: page.  Locks: takes zone_purging, then the zone's, for one block at a
 * time; call without locks held.
 */
#include "layout/page.h"

/*
 * Purges down to `target` dirty pages, blocks of 2^min_order pages and more,
 * `scan` blocks an order looked at each time; the pages given back.  The locks
 * are dropped between blocks: a fork waits for no more than one.
 */
size_t purge_to(struct zone *zone, size_t target, unsigned min_order,
                size_t scan);

/*
 * Gives back the descriptors of large free blocks, which merged of parts that
 * were purged one by one.
 */
void purge_page_map(struct zone *zone);

#endif
