/* SPDX-License-Identifier: MIT */
#include "harden/quarantine.h"

#include "base/tunables.h"
#include "page/meta.h"
#include "slab/slab.h"

enum {
    SHARE = 8, /* a block may take 1/8 of the quarantine */
};

typedef void leave_fn(struct heap *heap, struct quarantined block);

/* The heap's quarantine, made at first use; NULL = no memory for it. */
static struct quarantine *quarantine_of(struct heap *heap)
{
    if (LIKELY(heap->quarantine != NULL))
        return heap->quarantine;
    struct quarantine *fresh = meta_alloc(sizeof *fresh, 64);
    if (fresh != NULL)
        fresh->random = link_mask((uintptr_t)fresh, link_secret | 1) | 1;
    heap->quarantine = fresh;
    return fresh;
}

/* Source: Marsaglia, Xorshift RNGs (2003). */
static size_t next_random(struct quarantine *quarantine)
{
    uint64_t x = quarantine->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    quarantine->random = x;
    return x >> 32;
}

/* Takes out what is in the slot; false: nothing. */
static bool slot_empty(struct quarantine *quarantine, size_t slot,
                       struct quarantined *block)
{
    *block = quarantine->slots[slot];
    quarantine->slots[slot] = (struct quarantined){NULL, 0};
    quarantine->bytes -= block->usable;
    return block->mem != NULL;
}

void quarantine_put(struct heap *heap, struct quarantined block,
                    leave_fn *leave)
{
    struct quarantine *quarantine = quarantine_of(heap);
    struct quarantined old;

    if (quarantine == NULL || block.usable > tunables.quarantine / SHARE) {
        leave(heap, block);
        return;
    }
    size_t slot = next_random(quarantine) % QUARANTINE_SLOTS;
    if (slot_empty(quarantine, slot, &old))
        leave(heap, old);
    quarantine->slots[slot] = block;
    quarantine->bytes += block.usable;
    while (quarantine->bytes > tunables.quarantine) {
        slot = (slot + 1) % QUARANTINE_SLOTS;
        if (slot_empty(quarantine, slot, &old))
            leave(heap, old);
    }
}

void quarantine_flush(struct heap *heap, leave_fn *leave)
{
    struct quarantine *quarantine = heap->quarantine;
    struct quarantined old;

    if (quarantine == NULL)
        return;
    for (size_t slot = 0; slot < QUARANTINE_SLOTS; slot++) {
        if (slot_empty(quarantine, slot, &old))
            leave(heap, old);
    }
}
