/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_BIN_CAP_H
#define LIBALLOC_HEAP_BIN_CAP_H
/*
 * How many objects a bin may hold: caps, the budget that all bins share, what
 * is granted beyond the cap.
 * Layer: heap.  Locks: the owning thread only; cap_settle() also whoever holds
 * the lock of a heap without an owner.
 */
#include "layout/heap.h"

#include <stdbool.h>

/* Objects in a fresh bin. */
size_t cap_start(unsigned index);

/* Spills without a refill that no bin of the class could have held. */
size_t cap_burst(unsigned index);

/*
 * A refill soon after a spill: what went away was needed, the bin is too
 * small.  Many spills in a row are a burst: no bin is large enough for that.
 */
void cap_adapt(struct heap *heap, unsigned index);

/* The bin's contents end, and what was granted for them. */
void cap_settle(struct heap *heap, unsigned index);

/*
 * Objects freed in order of their addresses may stay beyond the cap: popped
 * again they are in order still, and pin no more slabs than they must.  In any
 * other order they are better off in their slabs, which shows in spills.
 * False: `mem` may not stay.
 */
bool cap_extend(struct heap *heap, unsigned index, const void *mem);

#endif
