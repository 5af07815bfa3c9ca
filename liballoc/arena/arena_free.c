/* SPDX-License-Identifier: MIT */
#include "arena/arena.h"
#include "arena/bins.h"
#include "arena/chunk.h"
#include "arena/segment.h"
#include "arena/top.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/tunables.h"
#include "os/os_mem.h"
#include "page/reclaim.h"

enum {
    IDLE_STEP = 256 * KIB, /* changes of idle memory worth a note */
};

void chunk_check_inuse(const void *mem)
{
    const struct chunk *chunk = mem_to_chunk(mem);

    if (UNLIKELY(((uintptr_t)mem & 15) != 0 || !chunk_is_valid(chunk) ||
                 chunk_size(chunk) < CHUNK_MIN))
        fatal("invalid pointer", mem);
    if (UNLIKELY(chunk_is_free(chunk)))
        fatal("double free or corruption", mem);
}

/* Unlinks a free neighbour and voids its header; its size. */
static size_t absorb(struct arena *arena, struct chunk *chunk, size_t *clean)
{
    size_t size = chunk_size(chunk);

    *clean += bins_clean(chunk);
    bins_unlink(arena, chunk);
    chunk_wipe(chunk);
    return size;
}

/* The chunk with the free one before it, if any. */
static struct chunk *merge_backward(struct arena *arena, struct chunk *chunk,
                                    size_t *size, size_t *clean)
{
    if (chunk_prev_inuse(chunk))
        return chunk;
    struct chunk *prev = chunk_prev(chunk);
    if (UNLIKELY(!chunk_is_valid(prev) || !chunk_is_free(prev) ||
                 chunk_size(prev) != chunk->prev_size))
        fatal("corrupted size vs. prev_size", chunk_to_mem(chunk));
    size_t flags = chunk_flags(prev) & (PREV_INUSE | NON_MAIN_ARENA);
    *size += chunk_size(prev);
    *clean += bins_clean(prev);
    bins_unlink(arena, prev);
    chunk_wipe(chunk);
    chunk_set(prev, *size, flags);
    return prev;
}

/* Nobody remembers any longer that so much of a chunk was given back. */
static void forget_clean(size_t clean)
{
    if (clean > 0)
        reclaim_note_outside((intptr_t)clean, 0);
}

/* The chunk became part of top. */
static void merge_top(struct arena *arena, struct chunk *chunk, size_t size)
{
    size += chunk_size(arena->top);
    chunk_wipe(arena->top);
    chunk_set(chunk, size, chunk_flags(chunk) & (PREV_INUSE | NON_MAIN_ARENA));
    top_mark(chunk);
    arena->top = chunk;
}

void arena_free(struct arena *arena, struct chunk *chunk)
{
    size_t size = chunk_size(chunk);
    size_t clean = 0;
    struct chunk *next = chunk_after(chunk, size);

    if (UNLIKELY(!chunk_is_valid(next)))
        fatal("corrupted next size", chunk_to_mem(chunk));
    if (UNLIKELY(!chunk_prev_inuse(next)))
        fatal("double free or corruption (!prev)", chunk_to_mem(chunk));
    chunk = merge_backward(arena, chunk, &size, &clean);
    if (next == arena->top) {
        forget_clean(clean);
        merge_top(arena, chunk, size);
        return;
    }
    if (chunk_is_free(next)) {
        size += absorb(arena, next, &clean);
        next = chunk_after(chunk, size);
    }
    if (size >= PURGE_CHUNK && segment_return(arena, chunk, size)) {
        forget_clean(clean);
        return;
    }
    chunk_set_prev_inuse(next, false);
    next->prev_size = size;
    bins_insert_unsorted(arena, chunk, size, clean);
    ASSERT_HOLDS(3, arena_check(arena));
}

/* Memory still to be given back by purge_chunk(). */
struct purge {
    size_t want;
    size_t given;
};

static bool holds_system_page(uintptr_t start, uintptr_t end)
{
    return round_up(start, os_page_size()) < round_down(end, os_page_size());
}

/*
 * Gives back the pages inside a large free chunk, but for its header; a whole
 * segment is the zone's then, which would else stay with its first page and
 * its last resident, and its addresses nobody's use.
 */
static bool purge_chunk(struct arena *arena, struct chunk *chunk, void *data)
{
    struct purge *purge = data;
    size_t size = chunk_size(chunk);
    uintptr_t start = (uintptr_t)chunk + sizeof *chunk;
    uintptr_t end = (uintptr_t)chunk + size;

    if (size < PURGE_CHUNK)
        return true;
    size_t clean = chunk->clean;
    struct page *segment = segment_filled(arena, chunk, size);
    bool goes =
        reclaim_chunk_goes(size, clean) && holds_system_page(start, end);
    if (segment == NULL && !goes)
        return true;
    if (goes && !reclaim_range(start, end))
        return false;
    purge->given += size - clean;
    if (segment != NULL) {
        bins_unlink(arena, chunk);
        segment_return_filled(arena, segment, goes);
        forget_clean(clean);
    } else {
        chunk->clean = size;
        arena->dirty -= size - clean;
        reclaim_note_outside(-(intptr_t)(size - clean), 0);
    }
    return purge->given < purge->want;
}

static size_t purge_chunks(struct arena *arena, size_t want)
{
    struct purge purge = {.want = want};

    if (want > 0)
        bins_walk_large(arena, PURGE_CHUNK, purge_chunk, &purge);
    return purge.given;
}

static size_t arena_live(const struct arena *arena)
{
    return arena->system_mem - arena->free_bytes - top_size(arena);
}

/* Watermarks of an arena, in bytes. */
static struct reclaim_marks arena_marks(const struct arena *arena)
{
    return reclaim_arena_marks(arena->policy, arena_live(arena),
                               tunables.dirty_min, tunables.dirty_ratio,
                               tunables.trim_threshold + tunables.top_pad);
}

bool arena_note_idle(struct arena *arena)
{
    size_t idle = arena->dirty + top_size(arena);
    /* stale ok: written under the heap's lock */
    intptr_t more = (intptr_t)idle - (intptr_t)load_relaxed(&arena->idle_noted);

    if (more <= -IDLE_STEP || more >= IDLE_STEP) {
        /* stale ok: others only decide by it whether to help */
        store_relaxed(&arena->idle_noted, idle);
        reclaim_note_outside(-more, more);
    }
    return idle > arena->fat_above;
}

size_t arena_tick(struct arena *arena, uint64_t now_ms, bool is_used)
{
    size_t dirty = arena->dirty + top_size(arena);
    (void)arena_note_idle(arena);
    /* stale ok: written under the heap's lock */
    size_t idle = load_relaxed(&arena->idle_noted);
    reclaim_look_arena(&arena->policy, arena_live(arena), idle);
    if (!is_used) {
        arena->policy.peak = 0;
        arena->policy.last_peak = 0;
        arena->policy.slack = 0;
    }
    reclaim_judge(&arena->policy, now_ms);
    struct reclaim_marks marks = arena_marks(arena);
    size_t target =
        reclaim_target(&arena->policy, dirty, arena_live(arena), marks, now_ms);
    size_t given = 0;

    /* As live memory falls, more is tolerated: no look at every free. */
    arena->fat_above = max_size(marks.high, dirty + marks.step / 4);
    if (target == RECLAIM_NOTHING)
        return 0;
    size_t excess = dirty - target;
    size_t top = top_size(arena);
    if (top > tunables.top_pad) {
        size_t keep = top > excess ? top - excess : 0;
        given = top_trim(arena, max_size(keep, tunables.top_pad));
    }
    if (given < excess)
        given += purge_chunks(arena, excess - given);
    arena->policy.purged += given;
    /* What cannot go now is not looked at again before there is more. */
    size_t left = arena->dirty + top_size(arena);
    (void)arena_note_idle(arena);
    arena->fat_above = max_size(arena->fat_above, left + marks.step / 4);
    return given;
}

/* Of the chunks that no policy looks at, whole system pages; each time anew,
   since such a chunk does not remember it. */
static bool purge_small_chunk(struct arena *arena, struct chunk *chunk,
                              void *data)
{
    size_t *given = data;
    size_t size = chunk_size(chunk);
    uintptr_t start = (uintptr_t)chunk + sizeof *chunk;
    uintptr_t end = (uintptr_t)chunk + size;

    (void)arena;
    if (size >= PURGE_CHUNK || !holds_system_page(start, end))
        return true;
    if (!reclaim_range(start, end))
        return false;
    *given += size;
    return true;
}

size_t arena_trim(struct arena *arena, size_t pad)
{
    size_t given = top_trim(arena, pad);

    given += purge_chunks(arena, SIZE_MAX);
    bins_walk_large(arena, os_page_size(), purge_small_chunk, &given);
    (void)arena_note_idle(arena);
    return given;
}
