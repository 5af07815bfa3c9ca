/* SPDX-License-Identifier: MIT */
/*
 * What an arena tells the policy of the process: idle, and given back.
 */
#include "unit_arena.h"

#include "page/reclaim.h"

/* Clean bytes of all free chunks, as a sum for add_clean(). */
static bool add_clean(struct arena *it, struct chunk *chunk, void *data)
{
    (void)it;
    *(size_t *)data += bins_clean(chunk);
    return true;
}

/* Idle memory moves from live to kept, so their sum lacks just what went. */
static void check_outside(void)
{
    struct reclaim_outside outside = reclaim_outside();
    size_t clean = 0;

    bins_walk_large(&arena, PURGE_CHUNK, add_clean, &clean);
    CHECK_EQ(-(outside.live + outside.kept), (intptr_t)clean);
    CHECK_EQ(outside.kept, (intptr_t)arena.idle_noted);
}

TEST_CHILD(arena_outside, what_was_given_back_counts_as_such_until_it_is_used)
{
    struct chunk *chunks[64];

    arena_start(false);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 64; i++) {
            /* Each leaves another surplus of what the last round freed. */
            chunks[i] = take((size_t)(40 + i % 7 * 8 - round % 5) * KIB);
            take(32);
        }
        for (int i = 0; i < 64; i += 1 + round % 2)
            give(chunks[i]);
        check_outside();
        arena_trim(&arena, 0);
        check_outside();
    }
}

TEST_CHILD(arena_outside, what_a_trim_gave_back_is_not_kept)
{
    arena_start(false);
    give(take(8 * (size_t)MIB));
    (void)arena_note_idle(&arena);
    CHECK(reclaim_outside().kept >= (intptr_t)(8 * MIB));
    arena_trim(&arena, 0);
    CHECK(reclaim_outside().kept < (intptr_t)MIB);
}
