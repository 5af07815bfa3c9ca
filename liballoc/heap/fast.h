/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_FAST_H
#define LIBALLOC_HEAP_FAST_H
/*
 * The fast paths, inlined into the entry points: no lock, no atomic
 * read-modify-write, no call.  tests/golden pins their instruction counts.
 * Layer: heap.  Owner thread only, by construction: thread_heap.
 */
#include "base/config.h"
#include "heap/bin.h"
#include "heap/registry.h"
#include "slab/slab_cache.h"

enum {
    MAINTAIN_EVERY = 64, /* spilled objects between looks at the clock */
};

/* Small: one table lookup, one pop.  NULL = take the slow path. */
ALWAYS_INLINE void *fast_alloc_small(struct heap *heap, size_t size)
{
    uintptr_t offset = heap->bin_offset[(size + 15) >> 4];
    struct bin *bin = (struct bin *)(offset + (uintptr_t)heap);

    struct free_object *object = bin->head;

    IN_RESULT_REGISTER(object);
    if (UNLIKELY(object == NULL))
        return NULL;
    bin->head = object->next;
    bin->room++;
    object->key = 0;
    return object;
}

/* Up to MEDIUM_MAX.  NULL = take the slow path. */
ALWAYS_INLINE void *fast_alloc_medium(struct heap *heap, size_t size)
{
    return bin_pop(&heap->bins[bin_for(size)]);
}

/* Pushes if there is room; false: nothing happened. */
ALWAYS_INLINE bool fast_push(struct bin *bin, void *mem, uintptr_t key)
{
    struct free_object *object = mem;

    if (UNLIKELY(--bin->room < 0)) {
        bin->room = 0;
        return false;
    }
    object->key = key;
    object->next = bin->head;
    bin->head = object;
    return true;
}

/*
 * Bin and spare are full: the object goes straight to its slab.  It is in the
 * cache now, and its slab's free list keeps neighbours together; a longer
 * LIFO would do neither.  False: nothing happened.
 */
ALWAYS_INLINE bool fast_spill(struct heap *heap, struct bin *bin, void *mem)
{
    FORGET(bin);
    FORGET(mem);
    size_t pfn = ((uintptr_t)mem - heap->base) >> PAGE_SHIFT;
    size_t cls = (size_t)(bin - heap->bins);
    struct slab *slab = page_slab(&heap->pages[round_down(pfn, SLAB_PAGES)]);

    if (UNLIKELY(bin->spare == NULL) ||
        UNLIKELY(!slab_has_carved(slab, (uintptr_t)mem)) ||
        UNLIKELY(slab->inuse <= 1) || UNLIKELY(slab->on_list == SLAB_FULL) ||
        UNLIKELY(heap->spills[cls] % MAINTAIN_EVERY == MAINTAIN_EVERY - 1) ||
        UNLIKELY(!heap_try_enter(heap)))
        return false;
    slab_put(slab, mem);
    heap_leave(heap);
    heap->spills[cls]++;
    return true;
}

/*
 * One load of the owner tag proves that `mem` is in the zone, in a slab, ours
 * and of which class; a multiply proves that it is the start of an object, a
 * compare that it is not free already.  False: nothing happened.
 */
ALWAYS_INLINE bool fast_free_small(struct heap *heap, void *mem)
{
    size_t pfn = ((uintptr_t)mem - heap->base) >> PAGE_SHIFT;

    if (UNLIKELY(pfn >= heap->npages))
        return false;
    /* stale ok: stable while the caller holds a pointer into the page */
    uint32_t cls = load_relaxed(&heap->tags[pfn]) ^ heap->tag;
    if (UNLIKELY(cls >= NSLAB))
        return false;
    struct bin *bin = &heap->bins[cls];
    struct free_object *object = mem;
    uintptr_t key = heap->key ^ (uintptr_t)mem;
    if (config_checks) {
        uint32_t offset = (uint32_t)(uintptr_t)mem & (PAGE_BYTES - 1);
        if (UNLIKELY(!is_multiple(offset, bin->magic)) ||
            UNLIKELY(object->key == key))
            return false;
    }
    if (UNLIKELY(--bin->room < 0)) {
        bin->room = 0;
        return fast_spill(heap, bin, mem);
    }
    object->key = key;
    object->next = bin->head;
    bin->head = object;
    return true;
}

/* The start of an object of that class, and not free: fast_free_small() found
   the bin full. */
ALWAYS_INLINE bool fast_is_object(const struct heap *heap, const void *mem,
                                  uint32_t cls)
{
    uint32_t offset = (uint32_t)(uintptr_t)mem & (PAGE_BYTES - 1);

    return is_multiple(offset, heap->bins[cls].magic) &&
           ((const struct free_object *)mem)->key !=
               (heap->key ^ (uintptr_t)mem);
}

/* From fast_kind(): an object of a slab that another heap owns. */
ALWAYS_INLINE bool fast_is_foreign(const struct heap *heap, uint32_t kind)
{
    uint32_t tag = kind ^ heap->tag;

    return kind != UINT32_MAX && tag_heap_id(tag) != 0 && tag_kind(tag) < NSLAB;
}

/* The tag's kind where the page is the heap's own; else something large. */
ALWAYS_INLINE uint32_t fast_kind(const struct heap *heap, const void *mem)
{
    size_t pfn = ((uintptr_t)mem - heap->base) >> PAGE_SHIFT;

    if (UNLIKELY(pfn >= heap->npages))
        return UINT32_MAX;
    /* stale ok: stable while the caller holds a pointer into the page */
    return load_relaxed(&heap->tags[pfn]) ^ heap->tag;
}

#endif
