/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_PROF_FAST_H
#define LIBALLOC_PROF_PROF_FAST_H
/*
 * malloc() while the profile is on: the dummy heap is in front, so it ends on
 * its slow path, and here the fast path is gone once more, on the thread's own
 * heap and counted.  Only where prof_is_alone.
 * Layer: prof.
 */
#include "heap/fast.h"
#include "prof/prof.h"
#include "prof/sampler.h"

static inline bool prof_is_on(void)
{
    /* stale ok: see prof.h */
    return UNLIKELY(load_relaxed(&prof_is_alone));
}

/* Not counted yet; NULL = the slow path must do it, and counts. */
ALWAYS_INLINE void *prof_fast_alloc(size_t size)
{
    struct heap *heap = thread_own;

    if (UNLIKELY(heap == NULL) || UNLIKELY(size > MEDIUM_MAX))
        return NULL;
    return LIKELY(size <= SMALL_MAX) ? fast_alloc_small(heap, size)
                                     : fast_alloc_medium(heap, size);
}

#endif
