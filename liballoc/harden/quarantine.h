/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_QUARANTINE_H
#define LIBALLOC_HARDEN_QUARANTINE_H
/*
 * Freed blocks of a thread that wait, for a random time, before they go back
 * to its heap: each new one takes a random slot, what was there leaves.
 * Layer: harden.  Owner thread only.
 * Source: Berger and Zorn, DieHard (PLDI 2006), for reuse at random.
 */
#include "layout/heap.h"

#include <stdbool.h>

/*
 * Puts a block in, marked as free; `leave` is called for each one that must
 * go for it, this one perhaps.
 */
void quarantine_put(struct heap *heap, struct quarantined block,
                    void (*leave)(struct heap *heap, struct quarantined block));

/* All leave. */
void quarantine_flush(struct heap *heap,
                      void (*leave)(struct heap *heap,
                                    struct quarantined block));

#endif
