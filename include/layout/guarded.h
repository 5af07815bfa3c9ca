/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_GUARDED_H
#define LAYOUT_GUARDED_H
/*
 * Guarded samples: allocations in system pages of their own.
 *
 *   heap_root.guarded -> struct guarded { base, span, slots[] }
 *
 *   base
 *   |guard|page of slot 0|guard|page of slot 1|guard| ... |guard|
 *
 * Guard pages, and those of slots that are not live, may not be touched.
 */
#include "layout/layout.h"

enum {
    GUARDED_SLOTS = 64,
    GUARDED_FILL = 0xcb, /* between a live block and the end of its unit */
    GUARDED_UNIT = 16,   /* blocks end at multiples of it, or at their
                            alignment */
};

enum guarded_state {
    GUARDED_NEVER,
    GUARDED_LIVE,
    GUARDED_MOVING, /* one thread makes or frees the block */
    GUARDED_FREED,  /* inaccessible until the slot's turn comes */
};

/* Protected by: state; written by who moved it to MOVING. */
struct guarded_slot {
    _Atomic uint32_t state; /* enum guarded_state */
    uint32_t tid;           /* who made the block, or freed it */
    uintptr_t mem;          /* the last block */
    size_t size;            /* bytes asked for */
};

/* base, span: immutable after start; span 0 = there are none. */
struct guarded {
    uintptr_t base;
    size_t span;
    struct guarded_slot slots[GUARDED_SLOTS];
};

/* Bytes of GUARDED_FILL behind a block that ends at `end`. */
static inline size_t guarded_fill(uintptr_t end)
{
    return -end & (GUARDED_UNIT - 1);
}

/* Address of slot `i`'s page. */
static inline uintptr_t guarded_page(uintptr_t base, size_t i,
                                     size_t system_page)
{
    return base + (2 * i + 1) * system_page;
}

#endif
