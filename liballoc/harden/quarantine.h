/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_QUARANTINE_H
#define LIBALLOC_HARDEN_QUARANTINE_H
/*
 * Freed blocks of a thread that wait, for a random time, before they go back
 * to its heap: when they are too many, any one of them leaves.
 * Layer: harden.  Owner thread only.
 * Source: Berger and Zorn, DieHard (PLDI 2006), for reuse at random.
 */
#include "base/tunables.h"
#include "layout/heap.h"

#include <stdbool.h>

enum {
    QUARANTINE_SHARE = 8, /* a block may take 1/8 of the quarantine */
};

/* The heap's, made at first use; NULL = no memory for it. */
struct quarantine *quarantine_make(struct heap *heap);

static inline struct quarantine *quarantine_of(struct heap *heap)
{
    return LIKELY(heap->quarantine != NULL) ? heap->quarantine
                                            : quarantine_make(heap);
}

/* False: the block is too large to wait. */
static inline bool quarantine_accepts(size_t usable)
{
    return usable <= tunables.quarantine / QUARANTINE_SHARE;
}

/* Precondition: there is room; the block is marked as free. */
static inline void quarantine_put(struct quarantine *quarantine, void *mem,
                                  size_t usable)
{
    quarantine->slots[quarantine->count++] = (struct quarantined){mem, usable};
    quarantine->bytes += usable;
}

/* True: one must leave for a block of `usable` bytes. */
static inline bool quarantine_is_full(const struct quarantine *quarantine,
                                      size_t usable)
{
    return quarantine->bytes + usable > tunables.quarantine ||
           quarantine->count == QUARANTINE_SLOTS;
}

/* True: more must leave than the one that made room. */
static inline bool quarantine_is_overfull(const struct quarantine *quarantine)
{
    return quarantine->bytes >
           tunables.quarantine + tunables.quarantine / QUARANTINE_SHARE;
}

/*
 * One of those in use.  Precondition: count > 0.
 * Source: Marsaglia, Xorshift RNGs (2003).
 */
static inline size_t quarantine_draw(struct quarantine *quarantine)
{
    uint32_t x = quarantine->random;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    quarantine->random = x;
    return (uint64_t)x * quarantine->count >> 32;
}

/* Any of them leaves.  Precondition: count > 0. */
static inline struct quarantined quarantine_take(struct quarantine *quarantine)
{
    size_t slot = quarantine_draw(quarantine);
    struct quarantined block = quarantine->slots[slot];

    quarantine->slots[slot] = quarantine->slots[--quarantine->count];
    quarantine->bytes -= block.usable;
    return block;
}

/* Any of them leaves for another.  Precondition: count > 0. */
static inline struct quarantined
quarantine_exchange(struct quarantine *quarantine, void *mem, size_t usable)
{
    size_t slot = quarantine_draw(quarantine);
    struct quarantined block = quarantine->slots[slot];

    quarantine->slots[slot] = (struct quarantined){mem, usable};
    quarantine->bytes += usable - block.usable;
    return block;
}

#endif
