/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_BIN_H
#define LIBALLOC_HEAP_BIN_H
/*
 * Bins: the LIFO of one class, its spare chain, and what happens when it is
 * empty or overflows.
 * Layer: heap.  Locks: the owning thread only; bin_refill() and the flushes
 * take the heap lock.
 * Source: Bonwick and Adams, Magazines and Vmem (USENIX 2001) for the loaded
 * and the spare; the chain is intrusive, as Linux's sheaves are not.
 */
#include "base/compiler.h"
#include "base/tunables.h"
#include "layout/heap.h"
#include "slab/slab_cache.h"

#include <stdbool.h>

/* The object on top, no longer marked as free; NULL = the bin is empty. */
static inline void *bin_pop(struct bin *bin)
{
    struct free_object *object = bin->head;

    if (object == NULL)
        return NULL;
    bin->head = object_next(object);
    bin->room++;
    object->key = 0;
    return object;
}

/* Precondition: room > 0. */
static inline void bin_push(struct bin *bin, void *mem)
{
    struct free_object *object = mem;

    object->key = object_key(mem);
    object_link(object, bin->head);
    bin->head = object;
    bin->room--;
}

static inline struct slab_source heap_slab_source(struct heap *heap)
{
    return (struct slab_source){{&heap->page_lists[0], &heap->page_lists[1]},
                                heap->id};
}

static inline void heap_drain_pages(struct heap *heap)
{
    for (unsigned order = 0; order < SLAB_ORDERS; order++)
        page_list_drain(&heap->page_lists[order]);
}

/* Objects on the LIFO, without the spare. */
static inline size_t bin_count(const struct bin *bin)
{
    return (size_t)(bin->limit - bin->room);
}

/* Before `mem`, from a list, is read: true = chunks of `heap` lie there. */
bool heap_holds_chunk(const struct heap *heap, const void *mem);

/* Fills an empty bin.  False: no memory. */
bool bin_refill(struct heap *heap, unsigned index);

/*
 * Takes an object that a full bin has no room for: parks the bin's chain as
 * its spare, or, with the spare in place, sends the object down to its slab,
 * arena or zone.  True: it is time for heap_maintain().
 */
bool bin_spill(struct heap *heap, unsigned index, void *mem);

/* Empties the bin, spare and all.  The heap lock is held. */
void bin_flush_locked(struct heap *heap, unsigned index) REQUIRES(heap->lock);

/*
 * The same, and keeps it empty: frees go down to the slabs, the next malloc
 * takes the slow path.  For bins that only pin slabs, in a long run of frees
 * or while they are not used.
 */
void bin_drain_locked(struct heap *heap, unsigned index) REQUIRES(heap->lock);

/*
 * Bin of requests of up to `size` bytes (1..MEDIUM_MAX), slab or chunk.  A
 * chunk of class size + header has CHUNK_OVERHEAD bytes more to use, which
 * belong to the next chunk's header.
 */
static inline unsigned bin_for(size_t size)
{
    if (size <= tunables.slab_max)
        return size_class(size);
    return NSLAB + size_class(size > CHUNK_MIN - CHUNK_OVERHEAD
                                  ? size - CHUNK_OVERHEAD
                                  : CHUNK_HEADER);
}

/*
 * Class of slab objects of `size` (up to SLAB_MAX; 0 counts as 1) bytes, all of
 * them at multiples of `align`, a power of two up to PAGE_BYTES.
 */
static inline unsigned slab_class_aligned(size_t size, size_t align)
{
    size += size == 0;
    return size_class((size + align - 1) & ~(align - 1));
}

enum {
    BINNED_MAX = 64 * KIB, /* larger chunks go straight to their arena: bins of
                              these held more than they saved */
};

/*
 * Bin of a chunk with `size` usable bytes less CHUNK_OVERHEAD; NHEAPBINS =
 * chunks of that size are not kept.
 */
static inline unsigned bin_for_chunk(size_t size)
{
    if (UNLIKELY(size + CHUNK_OVERHEAD <= tunables.slab_max ||
                 size > BINNED_MAX))
        return NHEAPBINS;
    return NSLAB + size_class_floor(size);
}

/* Size of the bin's class. */
static inline size_t bin_bytes(unsigned bin)
{
    return size_class_bytes(bin < NSLAB ? bin : bin - NSLAB);
}

#endif
