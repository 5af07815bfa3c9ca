/* SPDX-License-Identifier: MIT */
#include "record/live.h"

#include "memory.h"

#include <stdlib.h>

enum {
    FIRST_ROOM = 1 << 12,
    PAGE = 4096,
    GRAIN = 32,
};

/* Neighbours in memory, which often come and go together, are neighbours
   here: pages are scattered, not what lies in them. */
static size_t home_of(const struct live_blocks *live, uint64_t address)
{
    uint64_t page = address / PAGE * UINT64_C(0x9e3779b97f4a7c15) >> 32;

    return (page + address % PAGE / GRAIN) & (live->room - 1);
}

/* The block's slot, or the free one where it would be. */
static size_t slot_of(const struct live_blocks *live, uint64_t address)
{
    size_t at = home_of(live, address);

    while (live->slots[at].address != 0 && live->slots[at].address != address)
        at = (at + 1) & (live->room - 1);
    return at;
}

static void grow(struct live_blocks *live)
{
    struct live_blocks old = *live;

    live->room = old.room > 0 ? 2 * old.room : FIRST_ROOM;
    live->slots = xcalloc(live->room, sizeof *live->slots);
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].address != 0)
            live->slots[slot_of(live, old.slots[i].address)] = old.slots[i];
    }
    free(old.slots);
}

void live_add(struct live_blocks *live, const struct live_block *block)
{
    if (2 * live->count >= live->room)
        grow(live);
    live->slots[slot_of(live, block->address)] = *block;
    live->count++;
}

/* Closes the gap: who would not be found over it moves into it. */
static void close_gap(struct live_blocks *live, size_t gap)
{
    size_t mask = live->room - 1;

    for (size_t at = (gap + 1) & mask; live->slots[at].address != 0;
         at = (at + 1) & mask) {
        size_t home = home_of(live, live->slots[at].address);
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        live->slots[gap] = live->slots[at];
        gap = at;
    }
    live->slots[gap].address = 0;
}

bool live_take(struct live_blocks *live, uint64_t address,
               struct live_block *block)
{
    if (live->room == 0 || address == 0)
        return false;
    size_t at = slot_of(live, address);
    if (live->slots[at].address == 0)
        return false;
    *block = live->slots[at];
    close_gap(live, at);
    live->count--;
    return true;
}

void live_free(struct live_blocks *live)
{
    free(live->slots);
    *live = (struct live_blocks){0};
}
