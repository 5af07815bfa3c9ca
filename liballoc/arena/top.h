/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_ARENA_TOP_H
#define LIBALLOC_ARENA_TOP_H
/*
 * The top chunk: how an arena grows and shrinks.  The main arena grows by brk
 * (foreign sbrk() is stepped over, a blocked brk replaced), others, and it
 * too then, by page runs.
 * Layer: arena.  Locks: the arena's owner's.
 */
#include "arena/chunk.h"
#include "layout/arena.h"
#include "slab/slab.h"

#include <stdbool.h>

/*
 * Top's header does not say "free"; the mark of a free object does, so that a
 * second free() of what once started here is seen.  Smaller than CHUNK_MIN,
 * the header itself is no chunk's.
 */
static inline void top_mark(struct chunk *top)
{
    struct free_object *object = chunk_to_mem(top);

    if (chunk_size(top) >= CHUNK_MIN)
        object->key = object_key(object);
}

/* Makes top at least `size` bytes.  False: no memory, nothing changed. */
bool top_grow(struct arena *arena, size_t size);

/* Bytes of top; 0 if there is none. */
size_t top_size(const struct arena *arena);

/* Gives back what top has above `keep` bytes; how much. */
size_t top_trim(struct arena *arena, size_t keep);

#endif
