/* SPDX-License-Identifier: MIT */
/* Each step of the ladder, by breaking what it looks at. */
#include "unit_arena.h"

#include "layout/invariants.h"

static struct chunk *hole;   /* free, between the others */
static struct chunk *behind; /* in use */
static struct chunk *other;  /* free, of the same size */

static void start(void)
{
    arena_start(false);
    take(512);
    hole = take(512);
    behind = take(512);
    other = take(512);
    take(512);
    give(hole);
    give(other);
}

static void check_broken(enum invariant it)
{
    const char *wrong = arena_check(&arena);

    CHECK_STR(wrong != NULL ? wrong : "nothing", invariant_broken(it));
}

TEST_CHILD(arena_check, sees_a_header_that_was_overwritten)
{
    start();
    chunk_secret ^= 2;
    chunk_set(behind, chunk_size(behind), chunk_flags(behind));
    chunk_secret ^= 2;
    check_broken(INVARIANT_CHUNK_SUM);
}

TEST_CHILD(arena_check, sees_a_chunk_that_takes_its_free_neighbour_as_in_use)
{
    start();
    chunk_set_prev_inuse(behind, true);
    check_broken(INVARIANT_CHUNK_INUSE);
}

TEST_CHILD(arena_check, sees_a_chunk_that_takes_its_neighbour_as_free)
{
    start();
    chunk_set_prev_inuse(hole, false);
    check_broken(INVARIANT_CHUNK_INUSE);
}

TEST_CHILD(arena_check, sees_a_wrong_size_before)
{
    start();
    behind->prev_size += 16;
    check_broken(INVARIANT_CHUNK_PREV);
}

TEST_CHILD(arena_check, sees_free_neighbours_that_did_not_merge)
{
    start();
    chunk_set(behind, chunk_size(behind), chunk_flags(behind) | CHUNK_FREE);
    check_broken(INVARIANT_CHUNK_MERGE);
}

TEST_CHILD(arena_check, sees_a_size_that_leads_nowhere)
{
    start();
    chunk_set(behind, GIB, chunk_flags(behind));
    check_broken(INVARIANT_CHUNK_SIZE);
}

TEST_CHILD(arena_check, sees_a_size_below_the_least)
{
    start();
    chunk_set(behind, 16, chunk_flags(behind));
    check_broken(INVARIANT_CHUNK_SIZE);
}

TEST_CHILD(arena_check, sees_a_chunk_in_a_bin_that_is_in_use)
{
    start();
    chunk_set(hole, chunk_size(hole), chunk_flags(hole) & ~(size_t)CHUNK_FREE);
    chunk_set_prev_inuse(behind, true);
    check_broken(INVARIANT_BIN_FREE);
}

static bool note_last(UNUSED struct arena *of, struct chunk *chunk, void *data)
{
    *(struct chunk **)data = chunk;
    return true;
}

/* Walks go by fd, and end at the first one's bk. */
TEST_CHILD(arena_check, sees_links_that_do_not_agree)
{
    struct chunk *last = NULL;

    start();
    bins_walk(&arena, note_last, &last);
    REQUIRE(last == hole || last == other);
    last->bk = last;
    check_broken(INVARIANT_BIN_LINKS);
}

TEST_CHILD(arena_check, sees_a_free_chunk_in_no_bin)
{
    start();
    bins_unlink(&arena, hole);
    chunk_set(hole, chunk_size(hole), chunk_flags(hole) | CHUNK_FREE);
    check_broken(INVARIANT_BIN_ALL);
}

TEST_CHILD(arena_check, sees_a_wrong_sum_of_free_bytes)
{
    start();
    arena.free_bytes += 16;
    check_broken(INVARIANT_BIN_BYTES);
}
