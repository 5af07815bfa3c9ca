/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_ZERO_BLOCK_H
#define LIBALLOC_HARDEN_ZERO_BLOCK_H
/*
 * Blocks of no bytes: distinct addresses, 16 bytes apart, in memory that
 * nobody may touch.
 * Layer: harden.  Lock-free, any thread.
 */
#include "base/compiler.h"

#include <stdbool.h>

/* First address and bytes; no bytes = none.  Immutable after start. */
extern HIDDEN uintptr_t zero_block_base;
extern HIDDEN size_t zero_block_span;

/* Reserves the addresses; without them zero_block_alloc() gives NULL. */
void zero_block_init(void);

ALWAYS_INLINE bool zero_block_holds(const void *mem)
{
    return (uintptr_t)mem - zero_block_base < zero_block_span;
}

/* NULL = all are taken. */
void *zero_block_alloc(void);

/* Precondition: zero_block_holds(mem).  Fatal unless it is out. */
void zero_block_free(const void *mem);

/* The same test, and nothing else. */
void zero_block_check(const void *mem);

#endif
