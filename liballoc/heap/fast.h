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

/* Small: one table lookup, one pop.  NULL = take the slow path. */
ALWAYS_INLINE void *fast_alloc_small(struct heap *heap, size_t size)
{
    struct bin *bin =
        (struct bin *)((uintptr_t)heap + heap->bin_offset[(size + 15) >> 4]);

    return bin_pop(bin);
}

/* Medium and runs, up to RUN_CLASS_MAX.  NULL = take the slow path. */
ALWAYS_INLINE void *fast_alloc_medium(struct heap *heap, size_t size)
{
    return bin_pop(&heap->bins[size_class(size)]);
}

/* Pushes if there is room; false: nothing happened. */
ALWAYS_INLINE bool fast_push(struct bin *bin, void *mem, uintptr_t key)
{
    struct free_object *object = mem;
    int32_t room = bin->room - 1;

    if (UNLIKELY(room < 0))
        return false;
    bin->room = room;
    object->key = key;
    object->next = bin->head;
    bin->head = object;
    return true;
}

/*
 * One load of the owner tag proves that `mem` is in the zone, in a slab, ours
 * and of which class; a multiply proves that it is the start of an object, a
 * compare that it is not free already.  False: nothing happened.
 *
 * *kind is the tag's kind where that is ours, for the next test.
 */
ALWAYS_INLINE bool fast_free_small(struct heap *heap, void *mem, uint32_t *kind)
{
    size_t pfn = ((uintptr_t)mem - heap->base) >> PAGE_SHIFT;

    *kind = UINT32_MAX;
    if (UNLIKELY(pfn >= heap->npages))
        return false;
    /* stale ok: stable while the caller holds a pointer into the page */
    uint32_t cls = load_relaxed(&heap->tags[pfn]) ^ heap->tag;
    *kind = cls;
    if (UNLIKELY(cls >= NSLAB))
        return false;
    struct bin *bin = &heap->bins[cls];
    uintptr_t key = heap->key ^ (uintptr_t)mem;
    if (config_checks) {
        uint32_t offset = (uint32_t)(uintptr_t)mem & (PAGE_BYTES - 1);
        if (UNLIKELY(!is_multiple(offset, bin->magic)) ||
            UNLIKELY(((struct free_object *)mem)->key == key))
            return false;
    }
    return fast_push(bin, mem, key);
}

#endif
