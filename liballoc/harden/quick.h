/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_QUICK_H
#define LIBALLOC_HARDEN_QUICK_H
/*
 * Hardened mode's fast paths: objects of slabs of the thread's own heap, with
 * every check that the slow ones make of such.  Whatever is not as it should
 * be is left to these, which look again, and know what to say.
 * Layer: harden.  Owner thread only.
 */
#include "harden/canary.h"
#include "harden/guarded.h"
#include "harden/hold.h"
#include "harden/unwritten.h"
#include "harden/wipe.h"

enum {
    LOOK_EACH = 16, /* frees between looks at the clock */
};

/* size_class_bytes() without its branches.  Immutable after start. */
extern HIDDEN uint16_t class_bytes[NSLAB];

/* As canary_set() and canary_check(), where canaries are on. */
ALWAYS_INLINE uintptr_t *canary_at(void *mem, size_t usable)
{
    return (uintptr_t *)(void *)((char *)mem + usable - CANARY_BYTES);
}

/*
 * An object of the class, its canary in place.  NULL: nothing happened; the
 * bin is empty, something is wrong, or more is due than an object.
 */
ALWAYS_INLINE void *quick_pop(struct heap *heap, unsigned cls)
{
    struct bin *bin = &heap->bins[cls];
    struct free_object *object = bin->head;

    if (UNLIKELY(object == NULL) || UNLIKELY(heap->idle_calls != 0) ||
        UNLIKELY(guarded_left <= 1))
        return NULL;
    struct free_object *next = object_next(object);
    size_t usable = class_bytes[cls];
    if (UNLIKELY(object->key != (heap->key ^ (uintptr_t)object)) ||
        (LIKELY(next != NULL) && UNLIKELY(fast_kind(heap, next) != cls)) ||
        UNLIKELY(!is_unwritten(object, usable)))
        return NULL;
    bin->head = next;
    bin->room++;
    guarded_left--;
    object->next = NULL;
    object->key = 0;
    *canary_at(object, usable) = canary_word((uintptr_t)object, canary_secret);
    return object;
}

/* Of no size, or beyond the slabs: NULL, as above. */
ALWAYS_INLINE void *quick_alloc(size_t size)
{
    struct heap *heap = thread_own;

    if (UNLIKELY(!harden_quick) || UNLIKELY(heap == NULL) ||
        UNLIKELY(size - 1 >= tunables.slab_max - CANARY_BYTES))
        return NULL;
    size += CANARY_BYTES;
    unsigned cls = LIKELY(size <= SMALL_MAX)
                       ? heap->bin_offset[(size + 15) >> 4] / sizeof(struct bin)
                       : size_class(size);
    return quick_pop(heap, cls);
}

/* False: nothing happened. */
ALWAYS_INLINE bool quick_free(void *mem)
{
    struct heap *heap = thread_own;

    if (UNLIKELY(!harden_quick) || UNLIKELY(heap == NULL))
        return false;
    uint32_t cls = fast_kind(heap, mem);
    struct quarantine *quarantine = heap->quarantine;
    if (UNLIKELY(cls >= NSLAB) || UNLIKELY(!fast_is_object(heap, mem, cls)) ||
        UNLIKELY(quarantine == NULL))
        return false;
    size_t usable = class_bytes[cls];
    if (UNLIKELY(*canary_at(mem, usable) !=
                 canary_word((uintptr_t)mem, canary_secret)))
        return false;
    wipe_object(mem, usable);
    if (LIKELY(quarantine_accepts(usable))) {
        hold(heap, quarantine, mem, usable);
    } else {
        mark_free(heap, mem);
        leave_to_bin(heap, cls, mem);
    }
    /* No bin of a quiet thread is ever full or empty: some frees look. */
    if (UNLIKELY(++heap->foreign % LOOK_EACH == 0))
        heap_maintain(heap);
    return true;
}

#endif
