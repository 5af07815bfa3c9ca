/* SPDX-License-Identifier: MIT */
#ifndef OBJECTS_H
#define OBJECTS_H
/*
 * Every object of the heap, one after the other, in the order of block_walk:
 * slots, chunks, runs, pages of the program, mmapped chunks.  Memory is
 * bounded whatever the heap.
 */
#include "walk/chunks.h"
#include "walk/slots.h"

struct object_walk {
    const struct model *model;
    const struct freelist *freelist; /* or NULL */
    struct block_walk blocks;
    struct block block; /* that the last object lies in */
    bool in_block;
    unsigned slot; /* next */
    struct slots slots;
    struct chunk_walk chunks;
    size_t unread;  /* blocks that made no sense, or were not readable */
    size_t faults;  /* chunks whose header did not fit */
    size_t skipped; /* bytes in neither object */
};

void object_walk_begin(struct object_walk *walk, const struct model *model,
                       const struct freelist *freelist);
bool object_walk_next(struct object_walk *walk, struct object *object);
void object_walk_end(struct object_walk *walk);

/* The objects of one block. */
void object_walk_block(struct object_walk *walk, const struct block *block);
bool object_walk_in_block(struct object_walk *walk, struct object *object);

/*
 * The object that holds an address.  Quick for addresses that come in
 * ascending order: a segment is walked once for all of them.
 */
struct object_finder {
    struct object_walk walk;
    struct block block;
    bool has_block;
    struct object object; /* the last of the segment that was looked at */
    bool has_object;
};
void object_finder_begin(struct object_finder *finder,
                         const struct model *model,
                         const struct freelist *freelist);
void object_finder_end(struct object_finder *finder);

/* False: it lies in no object; finder->has_block: but in finder->block. */
bool object_find(struct object_finder *finder, uintptr_t address,
                 struct object *object);

/*
 * Does the address lie in the object?  A chunk's memory goes on into the next
 * one's prev_size, and its own prev_size is the chunk's before.
 */
static inline bool object_holds(const struct object *object, uintptr_t address)
{
    uintptr_t start = object->start;

    if (object->block == BLOCK_SEGMENT)
        start += CHUNK_HEADER - CHUNK_OVERHEAD;
    return address >= start && address - start < object->size;
}

/* True for states that malloc could hand out again, or never has yet. */
static inline bool object_is_free(const struct object *object)
{
    return object->state != OBJECT_LIVE && object->state != OBJECT_DAMAGED;
}

/* In a thread's hands, not the program's. */
static inline bool object_is_cached(const struct object *object)
{
    return object->state == OBJECT_BINNED || object->state == OBJECT_SPARE ||
           object->state == OBJECT_REMOTE;
}

#endif
