/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_GUARDED_H
#define LIBALLOC_HARDEN_GUARDED_H
/*
 * Sampled allocations, each in a page of its own between two that nobody may
 * touch; a freed one may not be touched either until its slot comes round.
 *
 *   |guard|..........block|guard|block..........|guard| ...
 *          ends at its page's end, or starts at its beginning (every 4th slot)
 *
 * Layer: harden.  Lock-free, any thread.
 * Source: GWP-ASan (Serebryany et al., ICSE-SEIP 2024), KFENCE (mm/kfence).
 */
#include "base/compiler.h"
#include "base/tunables.h"
#include "layout/guarded.h"

#include <stdbool.h>

/* Published: layout/guarded.h. */
extern HIDDEN struct guarded guarded_pool;

extern HIDDEN TLS_IE uint32_t guarded_left; /* calls to the next sample */

/* Reserves the slots.  Without them guarded_alloc() gives NULL. */
void guarded_init(void);

/* The thread's countdown ended: starts the next; false at the very first, and
   where there are no slots. */
bool guarded_rearm(void);

/* One call in `guard_sample`, at random: the caller is to try a guarded one. */
ALWAYS_INLINE bool guarded_is_due(void)
{
    if (LIKELY(guarded_left-- > 1))
        return false;
    return guarded_rearm();
}

ALWAYS_INLINE bool guarded_holds(const void *mem)
{
    return (uintptr_t)mem - guarded_pool.base < guarded_pool.span;
}

/* NULL = too large, or no slot; else it reads as zero. */
void *guarded_alloc(size_t size, size_t align);

/* Precondition for both: guarded_holds(mem).  Fatal unless it is in use. */
void guarded_free(const void *mem);
size_t guarded_size(const void *mem);

#endif
