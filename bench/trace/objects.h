/* SPDX-License-Identifier: MIT */
#ifndef OBJECTS_H
#define OBJECTS_H
/* Which object lies at an address: a hash table with linear probing. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object {
    uint64_t address; /* 0: no object */
    uint64_t number;
    uint64_t size;
};

struct objects {
    struct object *slots;
    size_t nslots; /* a power of two, at least twice `count` */
    size_t count;
};

/* Replaces what was at the address.  False: no memory. */
bool objects_insert(struct objects *objects, struct object object);
/* Takes it out; false when none lies there. */
bool objects_remove(struct objects *objects, uint64_t address,
                    struct object *found);

#endif
