/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_HOLD_H
#define LIBALLOC_HARDEN_HOLD_H
/*
 * The way of a freed block, all zero by now: it is marked, waits in the
 * thread's quarantine, and goes home when its turn comes.
 *
 *   hold .. quarantine .. leave: mark and link untouched? .. bin or heap
 *
 * Layer: harden.  Owner thread only.
 */
#include "base/debug.h"
#include "harden/quarantine.h"
#include "heap/bin.h"
#include "heap/fast.h"
#include "heap/heap.h"

/* Home, if it is no object of one of the heap's own slabs. */
void leave_to_heap(struct heap *heap, void *mem, size_t usable);

/* Free, for free() and whoever else asks; no link. */
ALWAYS_INLINE void mark_free(struct heap *heap, void *mem)
{
    struct free_object *object = mem;

    object->next = NULL;
    object->key = heap->key ^ (uintptr_t)mem;
}

/* An object of a slab of the thread's own heap, marked as free. */
ALWAYS_INLINE void leave_to_bin(struct heap *heap, unsigned cls, void *mem)
{
    struct bin *bin = &heap->bins[cls];

    if (LIKELY(bin->room > 0)) {
        object_link(mem, bin->head);
        bin->head = mem;
        bin->room--;
    } else if (bin_spill(heap, cls, mem)) {
        heap_maintain(heap);
    }
}

/* A block goes out of quarantine. */
ALWAYS_INLINE void leave(struct heap *heap, void *mem, size_t usable)
{
    const struct free_object *object = mem;
    uint32_t cls = fast_kind(heap, mem);

    if (UNLIKELY(object->next != NULL) ||
        UNLIKELY(object->key != (heap->key ^ (uintptr_t)mem)))
        fatal("corrupted freed block (write after free)", object);
    if (LIKELY(cls < NSLAB)) {
        leave_to_bin(heap, cls, mem);
    } else {
        leave_to_heap(heap, mem, usable);
    }
}

/*
 * Wiped, and small enough to wait.  As a rule one goes for one: how many must
 * go for a large one is hard to guess for processors, too.
 */
ALWAYS_INLINE void hold(struct heap *heap, struct quarantine *quarantine,
                        void *mem, size_t usable)
{
    mark_free(heap, mem);
    if (UNLIKELY(!quarantine_is_full(quarantine, usable))) {
        quarantine_put(quarantine, mem, usable);
        return;
    }
    struct quarantined old = quarantine_exchange(quarantine, mem, usable);
    leave(heap, old.mem, old.usable);
    while (UNLIKELY(quarantine_is_overfull(quarantine))) {
        old = quarantine_take(quarantine);
        leave(heap, old.mem, old.usable);
    }
}

#endif
