/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_ZONE_GROW_H
#define LIBALLOC_PAGE_ZONE_GROW_H
/*
 * Where zones come from: reserving a span, committing more of it.
 * Layer: page.
 */
#include "base/compiler.h"
#include "layout/page.h"

#include <stdbool.h>

/*
 * Commits enough behind the frontier for a run of `npages` aligned to
 * 2^align_order, and some more.  False: the span is used up, or no memory.
 */
bool zone_grow(struct zone *zone, size_t npages, unsigned align_order)
    REQUIRES(zone->lock);

extern HIDDEN struct lock zone_adding; /* for atfork */

/* Adds a zone that can hold such a run.  False: no address space. */
bool zone_add(size_t npages, unsigned align_order);

#endif
