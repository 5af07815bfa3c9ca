/* SPDX-License-Identifier: MIT */
#include "arena/arena.h"
#include "arena/bins.h"
#include "arena/chunk.h"
#include "arena/top.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/tunables.h"
#include "page/reclaim.h"

uint64_t chunk_secret;

void arena_init(struct arena *arena, uint32_t heap_id, bool is_main)
{
    arena->heap_id = heap_id;
    arena->is_main = is_main;
    arena->fat_above = tunables.dirty_min;
}

/* For the policy: what is left. */
static void note_alloc(struct arena *arena)
{
    reclaim_note_use(&arena->policy, arena->dirty + top_size(arena), 0);
}

/* Cuts `size` bytes off the front of top, which is larger than that. */
static struct chunk *top_cut(struct arena *arena, size_t size)
{
    struct chunk *chunk = arena->top;
    size_t rest = chunk_size(chunk) - size;
    size_t flags = chunk_flags(chunk);
    struct chunk *top = chunk_after(chunk, size);

    chunk_set(top, rest, (flags & NON_MAIN_ARENA) | PREV_INUSE);
    chunk_set(chunk, size, flags);
    top_mark(top);
    arena->top = top;
    return chunk;
}

/*
 * A chunk just taken off a bin, `clean` bytes of it given back: in use from
 * here on, the surplus of `size` filed as a free chunk of its own.
 */
static struct chunk *use_chunk(struct arena *arena, struct chunk *chunk,
                               size_t size, size_t clean)
{
    size_t have = chunk_size(chunk);
    size_t flags = chunk_flags(chunk) & ~(size_t)CHUNK_FREE;
    size_t rest = have - size;
    /* A small chunk cannot say that it is clean. */
    size_t rest_clean = rest >= PURGE_CHUNK ? min_size(clean, rest) : 0;
    struct chunk *next = chunk_after(chunk, have);

    reclaim_note_use(&arena->policy, SIZE_MAX, clean - rest_clean);
    if (clean > rest_clean)
        reclaim_note_outside((intptr_t)(clean - rest_clean), 0);
    if (rest < CHUNK_MIN) {
        chunk_set(chunk, have, flags);
        chunk_set_prev_inuse(next, true);
        return chunk;
    }
    struct chunk *surplus = chunk_after(chunk, size);
    chunk_set(surplus, rest, (flags & NON_MAIN_ARENA) | PREV_INUSE);
    next->prev_size = rest;
    bins_insert(arena, surplus, rest, rest_clean);
    chunk_set(chunk, size, flags);
    return chunk;
}

struct chunk *arena_alloc(struct arena *arena, size_t size)
{
    struct chunk *chunk = bins_take(arena, size);

    if (chunk != NULL) {
        chunk = use_chunk(arena, chunk, size, bins_clean(chunk));
    } else {
        if (!top_grow(arena, size))
            return NULL;
        chunk = top_cut(arena, size);
    }
    note_alloc(arena);
    ASSERT_HOLDS(3, arena_check(arena));
    return chunk;
}

/* Cuts a chunk in use at `lead` bytes; both parts are in use. */
static struct chunk *cut_front(struct chunk *chunk, size_t lead)
{
    size_t size = chunk_size(chunk);
    size_t flags = chunk_flags(chunk);
    struct chunk *rest = chunk_after(chunk, lead);

    chunk_set(rest, size - lead, (flags & NON_MAIN_ARENA) | PREV_INUSE);
    chunk_set(chunk, lead, flags);
    return rest;
}

struct chunk *arena_alloc_aligned(struct arena *arena, size_t size,
                                  size_t align)
{
    struct chunk *chunk = arena_alloc(arena, size + align + CHUNK_MIN);

    if (chunk == NULL)
        return NULL;
    uintptr_t mem = (uintptr_t)chunk_to_mem(chunk);
    uintptr_t want = round_up(mem, align);
    if (want != mem && want - mem < CHUNK_MIN)
        want += align;
    if (want != mem) {
        struct chunk *lead = chunk;
        chunk = cut_front(chunk, want - mem);
        arena_free(arena, lead);
    }
    arena_resize(arena, chunk, size);
    return chunk;
}

/* Takes the free chunk (or part of top) behind `chunk`; false: too small. */
static bool grow_forward(struct arena *arena, struct chunk *chunk, size_t size)
{
    size_t have = chunk_size(chunk);
    size_t flags = chunk_flags(chunk);
    struct chunk *next = chunk_after(chunk, have);

    if (next == arena->top) {
        size_t top = top_size(arena);
        if (have + top < size + CHUNK_MIN)
            return false;
        chunk_wipe(next);
        chunk_set(chunk, have + top, flags);
        arena->top = chunk;
        top_cut(arena, size);
        return true;
    }
    if (!chunk_is_free(next) || !chunk_is_valid(next) ||
        have + chunk_size(next) < size)
        return false;
    size_t clean = bins_clean(next);
    bins_unlink(arena, next);
    have += chunk_size(next);
    chunk_wipe(next);
    chunk_set(chunk, have, flags);
    use_chunk(arena, chunk, size, clean);
    return true;
}

bool arena_resize(struct arena *arena, struct chunk *chunk, size_t size)
{
    size_t have = chunk_size(chunk);

    if (size > have)
        return grow_forward(arena, chunk, size);
    if (have - size >= CHUNK_MIN) {
        struct chunk *rest = cut_front(chunk, size);
        arena_free(arena, rest);
    }
    return true;
}
