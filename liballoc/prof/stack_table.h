/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_STACK_TABLE_H
#define LIBALLOC_PROF_STACK_TABLE_H
/*
 * Distinct stacks, each once: a hash table whose chains only grow, so that
 * looking one up takes no lock.  They lie outside the heap, in a reservation
 * of bounded size that becomes memory as it fills.
 * Layer: prof.
 */
#include "layout/prof.h"

#include <stdbool.h>

enum {
    STACKS_MAX = 1 << 16,
    STACK_FRAMES_MAX = 1 << 21, /* of all stacks together: 16 MiB */
};

/* Reserves; false: no address space, nothing was changed. */
bool stack_table_init(struct prof *prof);

/*
 * The stack's number: an old one, or a new one; PROF_NO_STACK = the table is
 * full, or no memory.  The lock of `prof` is held.
 */
uint32_t stack_table_intern(struct prof *prof, const uintptr_t *pcs,
                            uint32_t depth);

/* The same without a lock, for stacks that are there; PROF_NO_STACK = not. */
uint32_t stack_table_find(const struct prof *prof, const uintptr_t *pcs,
                          uint32_t depth);

#endif
