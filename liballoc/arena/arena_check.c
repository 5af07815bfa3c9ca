/* SPDX-License-Identifier: MIT */
/*
 * The property ladder: every chunk of every segment, then every list.
 */
#include "arena/arena.h"
#include "arena/bins.h"
#include "arena/chunk.h"
#include "arena/segment.h"
#include "arena/top.h"
#include "base/debug.h"
#include "layout/invariants.h"

/* What the walks gather. */
struct check {
    const char *wrong;
    size_t free_in_segments;
    size_t free_on_bins;
    size_t total;
};

/* One chunk and the boundary with the one before it; NULL if fine. */
static const char *check_chunk(const struct chunk *chunk, bool prev_free,
                               size_t prev_size)
{
    if (!chunk_is_valid(chunk))
        return invariant_broken(INVARIANT_CHUNK_SUM);
    if (chunk_prev_inuse(chunk) == prev_free)
        return invariant_broken(INVARIANT_CHUNK_INUSE);
    if (prev_free && chunk->prev_size != prev_size)
        return invariant_broken(INVARIANT_CHUNK_PREV);
    if (prev_free && chunk_is_free(chunk))
        return invariant_broken(INVARIANT_CHUNK_MERGE);
    return NULL;
}

static void check_segment(struct arena *arena, struct segment segment,
                          void *data)
{
    struct check *check = data;
    struct chunk *chunk = chunk_at(segment.start);
    uintptr_t last = segment.end - CHUNK_HEADER;
    bool prev_free = false;
    size_t prev_size = 0;

    check->total += segment.end - segment.start;
    while (check->wrong == NULL) {
        check->wrong = check_chunk(chunk, prev_free, prev_size);
        if ((uintptr_t)chunk == last)
            break;
        size_t size = chunk_size(chunk);
        if (size < CHUNK_MIN || (uintptr_t)chunk + size > last) {
            check->wrong = invariant_broken(INVARIANT_CHUNK_SIZE);
            break;
        }
        prev_free = chunk_is_free(chunk) && chunk != arena->top;
        prev_size = size;
        check->free_in_segments += prev_free ? size : 0;
        chunk = chunk_after(chunk, size);
    }
}

static bool check_free(struct arena *arena, struct chunk *chunk, void *data)
{
    struct check *check = data;

    (void)arena;
    check->free_on_bins += chunk_size(chunk);
    if (!chunk_is_free(chunk))
        check->wrong = invariant_broken(INVARIANT_BIN_FREE);
    if (chunk->fd->bk != chunk || chunk->bk->fd != chunk)
        check->wrong = invariant_broken(INVARIANT_BIN_LINKS);
    return true;
}

const char *arena_check(struct arena *arena)
{
    struct check check = {.wrong = NULL};

    segment_walk(arena, check_segment, &check);
    if (check.wrong == NULL)
        bins_walk(arena, check_free, &check);
    if (check.wrong != NULL)
        return check.wrong;
    if (check.free_in_segments != check.free_on_bins)
        return invariant_broken(INVARIANT_BIN_ALL);
    return check.free_on_bins == arena->free_bytes
               ? NULL
               : invariant_broken(INVARIANT_BIN_BYTES);
}
