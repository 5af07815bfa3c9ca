/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_PAGE_LIST_H
#define LIBALLOC_PAGE_PAGE_LIST_H
/*
 * Page lists of one thread: free blocks of one order at hand, filled and
 * drained in batches, so that the zone's lock is rare.
 * Layer: page.  Locks: the caller's (the heap lock).
 * Source: Linux mm/page_alloc.c, "per-cpu pages" (pcp).
 */
#include "layout/page.h"

void page_list_init(struct page_list *list, unsigned order, uint32_t batch,
                    uint32_t high);

/* A block of the list's order, from the zone if need be; NULL = no memory. */
struct page *page_list_alloc(struct page_list *list);

/* Clears the tags; beyond `high` a batch goes back to the zone. */
void page_list_free(struct page_list *list, struct page *page);

/* Everything back to the zone. */
void page_list_drain(struct page_list *list);

#endif
