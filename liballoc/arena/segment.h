/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_ARENA_SEGMENT_H
#define LIBALLOC_ARENA_SEGMENT_H
/*
 * Segments: the contiguous stretches that an arena's chunks lie in, page runs
 * or parts of brk.
 *
 *   segment: |chunk|chunk| ... |free or top chunk|closing header|
 *
 * The closing header has size 0 and is never free, so no walk or merge leaves
 * the segment.
 * Layer: arena.  Locks: the arena's owner's.
 */
#include "layout/arena.h"
#include "page/page_map.h"

#include <stdbool.h>

/* NON_MAIN_ARENA for the chunks of all arenas but the main one. */
static inline size_t segment_flag(const struct arena *arena)
{
    return arena->is_main ? 0 : NON_MAIN_ARENA;
}

/* Writes the closing header of a segment that ends at `end`. */
struct chunk *segment_close(uintptr_t end, bool prev_inuse);

/* The page run that holds `address`; NULL = it is in brk, or NULL. */
struct page *segment_of(const struct arena *arena, uintptr_t address);

/* The page run as a segment of the arena. */
void segment_add(struct arena *arena, struct page *page, size_t npages);

/* Its pages go elsewhere. */
void segment_remove(struct page *page);

/* Makes the arena the owner of pages of the segment that starts with `page`. */
void segment_tag(const struct arena *arena, struct page *page, size_t from,
                 size_t npages);

/* Pages of the segment that starts with `page`, back to the zone. */
void segment_cut(struct page *page, size_t from, size_t npages);

/*
 * The free chunk [chunk, chunk + size), on no list: gives whole pages in it
 * back to the zone where that is possible and worth it.  True: done, the rest
 * is filed; false: nothing happened.
 */
bool segment_return(struct arena *arena, struct chunk *chunk, size_t size);

/* The segment that the free chunk [chunk, chunk + size) fills; or NULL. */
struct page *segment_filled(const struct arena *arena,
                            const struct chunk *chunk, size_t size);

/*
 * The segment, filled by a free chunk on no list, back to the zone.  is_purged:
 * reclaim_range() just gave back all between the chunk's header and its end.
 */
void segment_return_filled(struct arena *arena, struct page *page,
                           bool is_purged);

/* Calls for each segment: [start, end), end behind the closing header. */
void segment_walk(struct arena *arena,
                  void (*visit)(struct arena *arena, struct segment segment,
                                void *data),
                  void *data);

#endif
