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
#include <stdbool.h>
#include <stddef.h>

/* Reserves the slots.  Without them guarded_alloc() gives NULL. */
void guarded_init(void);

/* One call in `guard_sample`, at random: the caller is to try a guarded one. */
bool guarded_is_due(void);

bool guarded_holds(const void *mem);

/* NULL = too large, or no slot; else it reads as zero. */
void *guarded_alloc(size_t size, size_t align);

/* Precondition for both: guarded_holds(mem).  Fatal unless it is in use. */
void guarded_free(const void *mem);
size_t guarded_size(const void *mem);

#endif
