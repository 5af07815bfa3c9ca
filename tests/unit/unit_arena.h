/* SPDX-License-Identifier: MIT */
#ifndef UNIT_ARENA_H
#define UNIT_ARENA_H
/*
 * What tests of the arena layer share: one arena, checked after each step.
 */
#include "unit_page.h"

#include "arena/arena.h"
#include "arena/bins.h"
#include "arena/chunk.h"
#include "arena/top.h"

enum { ARENA_ID = 3 };

static struct arena arena;

UNUSED static void check_arena(void)
{
    CHECK_NULL_TEXT(arena_check(&arena));
}

/* An arena without memory yet; by brk or by page runs. */
UNUSED static void arena_start(bool is_main)
{
    if (zone_count == 0)
        REQUIRE(zone_init());
    chunk_secret = 0x9e3779b97f4a7c15u;
    memset(&arena, 0, sizeof(arena));
    arena_init(&arena, ARENA_ID, is_main);
}

/* A chunk of `size` bytes, header included. */
UNUSED static struct chunk *take(size_t size)
{
    struct chunk *chunk = arena_alloc(&arena, size);

    REQUIRE(chunk != NULL);
    CHECK(chunk_size(chunk) >= size);
    CHECK(!chunk_is_free(chunk));
    check_arena();
    return chunk;
}

UNUSED static void give(struct chunk *chunk)
{
    chunk_check_inuse(chunk_to_mem(chunk));
    arena_free(&arena, chunk);
    check_arena();
}

/* What the program may write. */
UNUSED static void fill(struct chunk *chunk, int value)
{
    memset(chunk_to_mem(chunk), value, chunk_usable(chunk_size(chunk)));
}

UNUSED static bool holds(const struct chunk *chunk, int value, size_t bytes)
{
    return is_filled(chunk_to_mem(chunk), value, bytes);
}

#endif
