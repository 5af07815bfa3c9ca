/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_PROF_FAST_H
#define LIBALLOC_PROF_PROF_FAST_H
/*
 * malloc() and free() while the profile is on: thread_heap is the dummy, so
 * they end on their slow paths, and here the fast path is gone once more, on
 * the thread's own heap and counted.  Only where prof_is_alone.
 * Layer: prof.
 */
#include "heap/fast.h"
#include "heap/fast_chunk.h"
#include "prof/prof.h"
#include "prof/sampler.h"

static inline bool prof_is_on(void)
{
    /* stale ok: see prof.h */
    return UNLIKELY(load_relaxed(&prof_is_alone));
}

/* NULL = the slow path must do it, and counts. */
ALWAYS_INLINE void *prof_fast_alloc(size_t size)
{
    struct heap *heap = thread_own;

    if (UNLIKELY(heap == NULL) || UNLIKELY(size > MEDIUM_MAX))
        return NULL;
    void *mem = LIKELY(size <= SMALL_MAX) ? fast_alloc_small(heap, size)
                                          : fast_alloc_medium(heap, size);
    if (LIKELY(mem != NULL) && UNLIKELY(sampler_passes(size)))
        prof_hit(mem, size);
    return mem;
}

/* As free() would; false: nothing happened but that a bin was found full. */
ALWAYS_INLINE bool prof_fast_free(struct heap *heap, void *mem, uint32_t kind)
{
    if (LIKELY(kind < NSLAB))
        return fast_free_object(heap, mem, kind);
    return kind == KIND_CHUNK && fast_free_chunk(heap, mem);
}

/* As fast_usable(): 0 = look closer.  No block of the profile is found. */
ALWAYS_INLINE size_t prof_fast_usable(const void *mem)
{
    return LIKELY(thread_own != NULL) ? fast_usable(thread_own, mem) : 0;
}

#endif
