/* SPDX-License-Identifier: MIT */
#include "objects.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 1 << 16 };

static size_t home(const struct objects *objects, uint64_t address)
{
    uint64_t mixed = (address >> 4) * 0x9e3779b97f4a7c15u;
    return (size_t)(mixed >> 20) & (objects->nslots - 1);
}

/* The slot of the address, or the empty one where its search ends. */
static size_t find(const struct objects *objects, uint64_t address)
{
    size_t at = home(objects, address);
    while (objects->slots[at].address && objects->slots[at].address != address)
        at = (at + 1) & (objects->nslots - 1);
    return at;
}

static bool grow(struct objects *objects)
{
    struct objects larger = {.nslots = objects->nslots ? objects->nslots * 2
                                                       : FIRST_SLOTS};
    larger.slots = calloc(larger.nslots, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < objects->nslots; i++) {
        if (objects->slots[i].address) {
            larger.slots[find(&larger, objects->slots[i].address)] =
                objects->slots[i];
        }
    }
    larger.count = objects->count;
    free(objects->slots);
    *objects = larger;
    return true;
}

bool objects_insert(struct objects *objects, struct object object)
{
    if (2 * objects->count >= objects->nslots && !grow(objects))
        return false;
    size_t at = find(objects, object.address);
    objects->count += objects->slots[at].address == 0;
    objects->slots[at] = object;
    return true;
}

bool objects_remove(struct objects *objects, uint64_t address,
                    struct object *found)
{
    if (objects->nslots == 0)
        return false;
    size_t mask = objects->nslots - 1;
    size_t hole = find(objects, address);
    if (objects->slots[hole].address == 0)
        return false;
    *found = objects->slots[hole];
    objects->count--;
    /* Later ones of the run move up, unless they would pass their home. */
    for (size_t at = (hole + 1) & mask; objects->slots[at].address;
         at = (at + 1) & mask) {
        size_t from = home(objects, objects->slots[at].address);
        if (((at - from) & mask) >= ((at - hole) & mask)) {
            objects->slots[hole] = objects->slots[at];
            hole = at;
        }
    }
    objects->slots[hole].address = 0;
    return true;
}
