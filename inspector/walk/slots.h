/* SPDX-License-Identifier: MIT */
#ifndef SLOTS_H
#define SLOTS_H
/*
 * The slots of one slab: a free one is known by its key, which is cleared
 * when it is handed out.  One look at the carved part of the slab tells all.
 */
#include "walk/freelist.h"
#include "walk/model.h"

enum {
    SLOTS_MAX = SLAB_BYTES_MAX / 16,
};

struct slots {
    uintptr_t base;           /* of the slab */
    uint32_t size;            /* of a slot */
    uint32_t front;           /* from a slot to what the program got */
    uint32_t usable;          /* bytes of it */
    uint32_t colour;          /* bytes before the first slot of a page */
    unsigned per_page;        /* slots */
    unsigned count;           /* slots in all */
    unsigned carved;          /* [0, carved) were handed out once */
    unsigned live;            /* by their marks */
    uint8_t state[SLOTS_MAX]; /* enum object_state */
};

/*
 * Precondition: block->kind is SLAB or CACHE.  With `freelist` NULL all free
 * slots are OBJECT_FREE.  False: the slab makes no sense, or is not readable;
 * then every slot is OBJECT_DAMAGED, or there is none.
 */
bool slots_read(const struct model *model, const struct freelist *freelist,
                const struct block *block, struct slots *slots);

/* The layout alone, without a look at the slab's memory; `live` is 0. */
bool slots_shape(const struct model *model, const struct block *block,
                 struct slots *slots);

static inline uintptr_t slot_address(const struct slots *slots, unsigned i)
{
    return slots->base + ((uintptr_t)(i / slots->per_page) << PAGE_SHIFT) +
           slots->colour + (uintptr_t)(i % slots->per_page) * slots->size;
}

/* The slot that holds the address; -1: it lies between slots. */
int slot_at(const struct slots *slots, uintptr_t address);

void slot_object(const struct slots *slots, const struct block *block,
                 unsigned i, struct object *object);

#endif
