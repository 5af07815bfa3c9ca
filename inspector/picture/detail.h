/* SPDX-License-Identifier: MIT */
#ifndef PICTURE_DETAIL_H
#define PICTURE_DETAIL_H
/*
 * Every object of the tiles that matter most, packed: bytes that are resident
 * but not live decide, within a budget.  One pass over the objects; a tile's
 * objects come one after the other, so only the worst so far are kept.
 *
 * A tile is a sequence of runs of equal objects, numbers as LEB128:
 *
 *   state (4 bits) | DETAIL_GAP | DETAIL_RUN | DETAIL_SLOT
 *   [gap / 16]   from the end of the run before; first: from the tile's start
 *   size / 16
 *   [repeat - 2] of runs
 */
#include "picture/picture.h"

enum detail_flags {
    DETAIL_GAP = 16,
    DETAIL_RUN = 32,
    DETAIL_SLOT = 64, /* slots of a slab, else chunks and the rest */
};

struct detail_tile {
    uintptr_t start; /* multiple of the tile's size */
    size_t score;    /* bytes free or cached in it */
    size_t count;    /* objects */
    uint8_t *bytes;
    size_t size; /* of bytes */
    size_t room;
};

struct detail {
    size_t tile_bytes; /* power of two, of addresses */
    size_t budget;     /* bytes of all tiles kept */
    struct detail_tile *tiles;
    size_t count;
    size_t bytes;
    size_t left_out; /* tiles that had objects and did not fit */

    struct detail_tile now; /* at work */
    uintptr_t end;          /* of its last run */
    struct object run;      /* the last object, of which there are ... */
    size_t repeat;
};

void detail_begin(struct detail *detail, size_t tile_bytes, size_t budget);

/* A picture_object_fn. */
void detail_add(void *detail, const struct object *object);

/* All is told: sorts the tiles by address. */
void detail_finish(struct detail *detail);
void detail_end(struct detail *detail);

#endif
