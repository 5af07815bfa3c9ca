/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_ARENA_TOP_H
#define LIBALLOC_ARENA_TOP_H
/*
 * Segments and the top chunk: how an arena grows and shrinks.  The main arena
 * grows by brk (foreign sbrk() is stepped over, a blocked brk replaced),
 * others, and it too then, by page runs.
 *
 *   segment: |chunk|chunk| ... |free or top chunk|closing header|
 *
 * The closing header has size 0 and is never free, so no walk or merge leaves
 * the segment.
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

/*
 * The free chunk [chunk, chunk + size), on no list: gives whole pages in it
 * back to the zone where that is possible and worth it.  True: done, the rest
 * is filed; false: nothing happened.
 */
bool segment_return(struct arena *arena, struct chunk *chunk, size_t size);

/* Calls for each segment: [start, end), end behind the closing header. */
void segment_walk(struct arena *arena,
                  void (*visit)(struct arena *arena, struct segment segment,
                                void *data),
                  void *data);

#endif
