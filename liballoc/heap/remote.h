/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_REMOTE_H
#define LIBALLOC_HEAP_REMOTE_H
/*
 * Frees by threads that do not own the memory.
 *
 *   freer:  object -> batch per slab -> (CAS) slab->remote
 *                                  first one: (CAS) owner->pending
 *           chunk  -> batch per heap -> (CAS) owner->pending_chunks
 *   owner:  takes all of pending, then of each slab's remote; whoever holds
 *           the owner's lock may do it in its place ("help").
 *
 * Layer: heap.  Source: Lietar et al., snmalloc (ISMM 2019), BatchIt (ISMM
 * 2024) for the batches.
 */
#include "base/compiler.h"
#include "layout/heap.h"

#include <stdbool.h>

/* One object of a foreign slab.  `heap` is the freer's; NULL: it has none. */
void remote_free_object(struct heap *heap, struct slab *slab,
                        struct free_object *object);

/*
 * The same straight from the owner tag, for objects in the first zone: looks
 * at nothing that the owner writes to until a whole batch is sent.  False: it
 * is not the start of an object, or it is free; nothing happened.
 */
bool remote_free_tagged(struct heap *heap, uint32_t tag, void *mem);

/* One chunk of heap `owner_id`, in use. */
void remote_free_chunk(struct heap *heap, uint32_t owner_id, void *mem);

/* Sends all of the heap's batches. */
void remote_flush(struct heap *heap);

/* Takes what others freed into the owner's slabs, bins and arena. */
void remote_collect_owner(struct heap *heap) REQUIRES(heap->lock);

/* The same by a thread that does not own the heap: its bins are not touched. */
void remote_collect_helper(struct heap *heap) REQUIRES(heap->lock);

/*
 * The owner is idle, gone, or slow: collects for it, and gives back what it
 * does not use, so that a blocked thread strands nothing.  Nothing happens if
 * somebody else is at work there.
 */
void remote_help(struct heap *owner);

#endif
