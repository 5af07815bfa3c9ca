/* SPDX-License-Identifier: MIT */
#ifndef RESIDENT_H
#define RESIDENT_H
/*
 * How much of a stretch of memory the kernel holds, to the byte: a resident
 * system page counts for the bytes of the stretch that lie in it.  So parts
 * of a page add up to the page.
 */
#include "target/target.h"

struct resident {
    struct target *target;
    size_t page;     /* system page, bytes */
    uintptr_t start; /* of the window */
    size_t count;    /* pages in it; 0: none yet */
    uint8_t *map;    /* enum residency bits a page */
    bool known;      /* some answer was had */
    bool unknown;    /* some was not: all of it counts as resident */
};

struct resident_use {
    size_t resident; /* bytes */
    size_t swapped;
    size_t huge; /* of the resident ones, in huge pages */
};

void resident_begin(struct resident *resident, struct target *target);
void resident_end(struct resident *resident);

/* Adds [start, start + size) to *use. */
void resident_add(struct resident *resident, uintptr_t start, size_t size,
                  struct resident_use *use);

/* Resident bytes of the stretch. */
size_t resident_bytes(struct resident *resident, uintptr_t start, size_t size);

/* enum residency bits of the system page that holds the address. */
unsigned resident_bits(struct resident *resident, uintptr_t address);

/* Resident bytes of the system pages that lie wholly within the stretch. */
size_t resident_whole(struct resident *resident, uintptr_t start, size_t size);

#endif
