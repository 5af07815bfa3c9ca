/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_FAST_H
#define LIBALLOC_HEAP_FAST_H
/*
 * The fast paths, inlined into the entry points: no lock, no atomic
 * read-modify-write, no call.  tests/golden pins their instruction counts.
 * Layer: heap.  Owner thread only, by construction: thread_fronts.
 */
#include "base/config.h"
#include "heap/bin.h"
#include "heap/registry.h"
#include "slab/slab_cache.h"

/* Small: one table lookup, one pop.  NULL = take the slow path. */
ALWAYS_INLINE void *fast_alloc_small(struct heap *heap, size_t size)
{
    uintptr_t offset = heap->bin_offset[(size + 15) >> 4];
    struct bin *bin = (struct bin *)(void *)((char *)heap->bins + offset);

    struct free_object *object = bin->head;

    IN_RESULT_REGISTER(object);
    if (UNLIKELY(object == NULL))
        return NULL;
    bin->head = object->next;
    bin->room++;
    object->key = 0;
    return object;
}

/* Plain links: in hardened mode the dummy heap's bins are all there is. */
ALWAYS_INLINE void *fast_pop(struct bin *bin)
{
    struct free_object *object = bin->head;

    if (object == NULL)
        return NULL;
    bin->head = object->next;
    bin->room++;
    object->key = 0;
    return object;
}

/* Up to MEDIUM_MAX.  NULL = take the slow path. */
ALWAYS_INLINE void *fast_alloc_medium(struct heap *heap, size_t size)
{
    return fast_pop(&heap->bins[bin_for(size)]);
}

/*
 * `align` a power of two.  Rounded up to a multiple of it, every size leads to
 * a class of such: classes are multiples of their spacing, and that or the
 * alignment divides the other.  NULL = take the slow path.
 */
ALWAYS_INLINE void *fast_alloc_aligned(struct heap *heap, size_t size,
                                       size_t align)
{
    if (UNLIKELY(size > SLAB_MAX) || UNLIKELY(align > PAGE_BYTES))
        return NULL;
    return fast_pop(&heap->bins[slab_class_aligned(size, align)]);
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
 * LIFO would do neither.  The credit stands for all that a slow spill checks
 * once in a while: a spare in place, a working membarrier, the clock.
 * False: nothing happened but to the credit.
 */
ALWAYS_INLINE bool fast_spill(struct heap *heap, size_t cls, void *mem)
{
    FORGET(mem);
    FORGET(cls);
    size_t pfn = ((uintptr_t)mem - heap->base) >> PAGE_SHIFT;
    struct slab *slab = page_slab(&heap->pages[slab_head(pfn, (unsigned)cls)]);

    if (UNLIKELY(--heap->spill_credit[cls] < 0) ||
        UNLIKELY(!slab_has_carved(slab, (uintptr_t)mem)) ||
        UNLIKELY(slab->inuse <= 1) || UNLIKELY(slab->on_list == SLAB_FULL))
        return false;
    uint32_t epoch = heap_try_enter(heap);
    if (UNLIKELY((epoch & 1) != 0))
        return false;
    slab_push_plain(slab, mem, heap->key ^ (uintptr_t)mem);
    heap_leave(heap, epoch);
    return true;
}

/*
 * The tag of the page, as kind where the page is the heap's own; else above
 * every kind.
 */
ALWAYS_INLINE uint32_t fast_kind(const struct heap *heap, const void *mem)
{
    size_t pfn = ((uintptr_t)mem - heap->base) >> PAGE_SHIFT;

    if (UNLIKELY(pfn >= heap->npages))
        return UINT32_MAX;
    /* stale ok: stable while the caller holds a pointer into the page */
    return load_relaxed(&heap->tags[pfn]) ^ heap->tag;
}

/*
 * The owner tag proved that `mem` is in the zone, in a slab, ours and of class
 * `cls`; here a multiply proves that it is the start of an object, a compare
 * that it is not free already.  False: nothing happened.
 */
ALWAYS_INLINE bool fast_free_object(struct heap *heap, void *mem, uint32_t cls)
{
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
        return fast_spill(heap, cls, mem);
    }
    object->key = key;
    object->next = bin->head;
    bin->head = object;
    return true;
}

/* The start of an object of that class, and not free: fast_free_object() found
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

#endif
