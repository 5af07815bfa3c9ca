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
 * Takes a run of `npages` aligned to 2^align_order from behind the frontier,
 * committing more of the span if need be.  PFN_NONE: the span is used up, or
 * no memory.
 */
size_t zone_grow(struct zone *zone, size_t npages, unsigned align_order)
    REQUIRES(zone->lock);

extern HIDDEN struct lock zone_adding; /* for atfork */

/* Held while a free block is on no list, for the kernel takes its pages: so
   that no child of a fork loses it. */
extern HIDDEN struct lock zone_purging;

/* Adds a zone that can hold such a run.  False: no address space. */
bool zone_add(size_t npages, unsigned align_order);

#endif
