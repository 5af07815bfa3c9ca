/* SPDX-License-Identifier: MIT */
#include "unit_arena.h"

#include "page/reclaim.h"

TEST_CHILD(arena, the_first_chunk_makes_a_segment_and_a_top)
{
    arena_start(false);
    CHECK_EQ(top_size(&arena), 0);
    struct chunk *chunk = take(64);
    CHECK_EQ(chunk_size(chunk), 64);
    CHECK(chunk_next(chunk) == arena.top);
    CHECK((chunk_flags(chunk) & NON_MAIN_ARENA) != 0);
    CHECK(arena.system_mem > 0);
    CHECK_EQ(arena.system_mem % PAGE_BYTES, 0);
}

TEST_CHILD(arena, pages_of_a_segment_have_the_tag_of_its_heap)
{
    struct page_ref ref;

    arena_start(false);
    struct chunk *chunk = take(200 * (size_t)KIB);
    for (size_t at = 0; at < 200 * KIB; at += 4096) {
        CHECK(page_lookup((uintptr_t)chunk + at, &ref));
        CHECK_EQ(ref.tag, tag_make(ARENA_ID, KIND_CHUNK));
    }
}

TEST_CHILD(arena, chunks_are_cut_from_top_one_behind_the_other)
{
    arena_start(false);
    struct chunk *first = take(64);
    struct chunk *second = take(1008);
    struct chunk *third = take(32);
    CHECK(chunk_next(first) == second);
    CHECK(chunk_next(second) == third);
    CHECK(chunk_next(third) == arena.top);
}

TEST_CHILD(arena, a_freed_chunk_merges_with_the_free_one_before)
{
    arena_start(false);
    struct chunk *first = take(512);
    struct chunk *second = take(512);
    take(32);
    give(first);
    CHECK(!chunk_prev_inuse(second));
    CHECK_EQ(second->prev_size, 512);
    give(second);
    CHECK_EQ(chunk_size(first), 1024);
    CHECK_EQ(arena.free_bytes, 1024);
    CHECK(take(1024) == first);
}

TEST_CHILD(arena, a_freed_chunk_merges_with_the_free_one_behind)
{
    arena_start(false);
    struct chunk *first = take(512);
    struct chunk *second = take(512);
    take(32);
    give(second);
    give(first);
    CHECK_EQ(chunk_size(first), 1024);
    CHECK(take(1024) == first);
}

TEST_CHILD(arena, a_freed_chunk_closes_the_gap_between_two_free_ones)
{
    struct chunk *chunks[3];

    arena_start(false);
    for (int i = 0; i < 3; i++)
        chunks[i] = take(512);
    take(32);
    give(chunks[0]);
    give(chunks[2]);
    CHECK_EQ(arena.free_bytes, 1024);
    give(chunks[1]);
    CHECK_EQ(chunk_size(chunks[0]), 1536);
    CHECK_EQ(arena.free_bytes, 1536);
    CHECK(!chunk_is_valid(chunks[1]) && !chunk_is_valid(chunks[2]));
}

TEST_CHILD(arena, a_freed_chunk_before_top_becomes_top)
{
    arena_start(false);
    struct chunk *first = take(512);
    struct chunk *second = take(512);
    size_t top = top_size(&arena);
    give(first);
    give(second);
    CHECK(arena.top == first);
    CHECK_EQ(top_size(&arena), top + 1024);
    CHECK_EQ(arena.free_bytes, 0);
}

TEST_CHILD(arena, aligned_chunks_start_where_they_should)
{
    arena_start(false);
    for (size_t align = 32; align <= 256 * KIB; align *= 2) {
        for (size_t size = CHUNK_MIN; size < 5000; size += 992) {
            struct chunk *chunk = arena_alloc_aligned(&arena, size, align);
            REQUIRE(chunk != NULL);
            check_arena();
            CHECK_EQ((uintptr_t)chunk_to_mem(chunk) % align, 0);
            CHECK(chunk_size(chunk) >= size);
            CHECK(chunk_size(chunk) < size + CHUNK_MIN);
            fill(chunk, 1);
            if (size % 3 == 0)
                give(chunk);
        }
    }
}

TEST_CHILD(arena, a_chunk_shrinks_in_place_and_its_rest_is_free)
{
    arena_start(false);
    struct chunk *chunk = take(1024);
    take(32);
    fill(chunk, 7);
    CHECK(arena_resize(&arena, chunk, 512));
    check_arena();
    CHECK_EQ(chunk_size(chunk), 512);
    CHECK(holds(chunk, 7, chunk_usable(512)));
    CHECK_EQ(arena.free_bytes, 512);
    CHECK(arena_resize(&arena, chunk, 496)); /* 16 bytes are no chunk */
    CHECK_EQ(chunk_size(chunk), 512);
}

TEST_CHILD(arena, a_chunk_grows_into_the_free_one_behind)
{
    arena_start(false);
    struct chunk *chunk = take(512);
    struct chunk *behind = take(1024);
    take(32);
    fill(chunk, 7);
    CHECK(!arena_resize(&arena, chunk, 600));
    give(behind);
    CHECK(arena_resize(&arena, chunk, 1024));
    check_arena();
    CHECK_EQ(chunk_size(chunk), 1024);
    CHECK(holds(chunk, 7, chunk_usable(512)));
    CHECK_EQ(arena.free_bytes, 512);
    CHECK(!arena_resize(&arena, chunk, 2048));
    CHECK_EQ(chunk_size(chunk), 1024);
    CHECK(arena_resize(&arena, chunk, 1536));
    check_arena();
    CHECK_EQ(arena.free_bytes, 0);
}

TEST_CHILD(arena, a_chunk_grows_into_top)
{
    arena_start(false);
    struct chunk *chunk = take(512);
    fill(chunk, 7);
    CHECK(arena_resize(&arena, chunk, 4096));
    check_arena();
    CHECK_EQ(chunk_size(chunk), 4096);
    CHECK(chunk_next(chunk) == arena.top);
    CHECK(holds(chunk, 7, chunk_usable(512)));
    CHECK(!arena_resize(&arena, chunk, arena.system_mem));
    check_arena();
}

static bool add_dirty(struct arena *of, struct chunk *chunk, void *data)
{
    (void)of;
    if (chunk_size(chunk) >= PURGE_CHUNK)
        *(size_t *)data += chunk_size(chunk) - bins_clean(chunk);
    return true;
}

/* No chunk can have more clean bytes than bytes. */
static void check_dirty(void)
{
    size_t dirty = 0;

    bins_walk(&arena, add_dirty, &dirty);
    CHECK_EQ(arena.dirty, dirty);
    CHECK(arena.dirty <= arena.free_bytes);
    CHECK(arena.policy.regret <= arena.system_mem);
}

/* What the program wrote must not be taken for the count of clean bytes. */
TEST_CHILD(arena, growing_into_a_large_free_chunk_keeps_the_accounts)
{
    arena_start(false);
    struct chunk *chunk = take(512);
    struct chunk *behind = take(160 * (size_t)KIB);
    take(32);
    fill(chunk, 0x7f);
    give(behind);
    arena.policy.purged = 1;
    CHECK(arena_resize(&arena, chunk, 1024));
    check_arena();
    check_dirty();
    CHECK_EQ(arena.dirty, 160 * KIB - 512);
    CHECK_EQ(arena.policy.regret, 0);
}

TEST_CHILD(arena, accounts_of_dirty_bytes_hold_through_purge_and_reuse)
{
    struct chunk *chunks[8];

    arena_start(false);
    for (int i = 0; i < 8; i++) {
        chunks[i] = take(100 * (size_t)KIB);
        fill(chunks[i], 0x7f);
        take(32);
    }
    for (int i = 0; i < 8; i += 2)
        give(chunks[i]);
    check_dirty();
    CHECK_EQ(arena.dirty, 400 * KIB);
    size_t given = arena_trim(&arena, 0);
    check_arena();
    check_dirty();
    /* 100 KiB need not hold a whole system page of 64 KiB. */
    if (os_page_size() <= PAGE_BYTES) {
        CHECK(given > 0);
        CHECK(arena.dirty < PURGE_CHUNK);
    }
    for (int i = 0; i < 8; i += 2) {
        chunks[i] = take(90 * (size_t)KIB);
        check_dirty();
        fill(chunks[i], 0x7f);
    }
    for (int i = 0; i < 8; i++) {
        give(chunks[i]);
        check_dirty();
    }
}

TEST_CHILD(arena, trim_gives_top_back_and_keeps_live_chunks)
{
    arena_start(false);
    struct chunk *keep = take(512);
    struct chunk *large = take(3 * (size_t)MIB);
    fill(keep, 5);
    size_t live = zone_live_pages();
    give(large);
    CHECK(arena_trim(&arena, 0) >= 2 * MIB);
    check_arena();
    CHECK(zone_live_pages() < live);
    CHECK(holds(keep, 5, chunk_usable(512)));
    CHECK(top_size(&arena) < PAGE_BYTES + CHUNK_MIN);
    check_zones();
    take(4 * (size_t)MIB);
}

TEST_CHILD(arena, trim_keeps_the_pad)
{
    arena_start(false);
    take(512);
    give(take(3 * (size_t)MIB));
    arena_trim(&arena, MIB);
    check_arena();
    CHECK(top_size(&arena) >= MIB);
    CHECK(top_size(&arena) <= MIB + 2 * PAGE_BYTES);
}

TEST_CHILD(arena, an_empty_arena_trims_to_nothing)
{
    arena_start(false);
    struct chunk *chunk = take(100 * (size_t)KIB);
    give(chunk);
    arena_trim(&arena, 0);
    check_arena();
    CHECK_EQ(zone_live_pages(), 0);
    CHECK_EQ(arena.system_mem, 0);
    CHECK(arena.top == NULL);
    take(64);
}

TEST_CHILD(arena, tick_gives_back_what_is_above_the_watermark)
{
    struct chunk *chunks[400];

    arena_start(false);
    for (int i = 0; i < 400; i++) {
        chunks[i] = take(128 * (size_t)KIB);
        take(32);
    }
    for (int i = 0; i < 400; i++)
        arena_free(&arena, chunks[i]);
    check_arena();
    check_dirty();
    size_t before = arena.dirty;
    /* It was live a moment ago, and may be wanted again. */
    CHECK_EQ(arena_tick(&arena, 1000000, true), 0);
    zones[0].policy.peak = 0;
    zones[0].policy.last_peak = 0;
    CHECK(arena_tick(&arena, 1000001, true) > before / 2);
    check_arena();
    check_dirty();
    CHECK(arena.dirty + top_size(&arena) < before / 4);
}

TEST_CHILD(arena, no_memory_is_null_and_the_arena_lives_on)
{
    arena_start(false);
    struct chunk *chunk = take(512);
    fault(OS_MPROTECT, 1, true);
    CHECK(arena_alloc(&arena, 20 * (size_t)MIB) == NULL);
    CHECK(arena_alloc_aligned(&arena, 20 * (size_t)MIB, 64) == NULL);
    check_arena();
    fault_none();
    fill(take(20 * (size_t)MIB), 1);
    give(chunk);
}

TEST_CHILD(arena, larger_than_any_run_is_no_memory)
{
    arena_start(false);
    CHECK(arena_alloc(&arena, ((size_t)PAGE_BYTES << MAX_ORDER) + 16) == NULL);
    CHECK(arena_alloc(&arena, (size_t)1 << 60) == NULL);
    check_arena();
    take((size_t)32 * MIB);
}

static struct chunk *three(void)
{
    arena_start(false);
    take(64);
    struct chunk *chunk = take(512);
    take(64);
    return chunk;
}

TEST_DIES(arena, a_free_chunk_is_not_in_use, "double free or corruption")
{
    struct chunk *chunk = three();

    give(chunk);
    chunk_check_inuse(chunk_to_mem(chunk));
}

TEST_DIES(arena, a_pointer_into_a_chunk_is_no_chunk, "invalid pointer")
{
    chunk_check_inuse((char *)chunk_to_mem(three()) + 32);
}

TEST_DIES(arena, an_unaligned_pointer_is_no_chunk, "invalid pointer")
{
    chunk_check_inuse((char *)chunk_to_mem(three()) + 8);
}

TEST_DIES(arena, a_merged_chunk_is_no_chunk_any_more, "invalid pointer")
{
    struct chunk *chunk = three();

    give((struct chunk *)((uintptr_t)chunk - 64));
    give(chunk);
    chunk_check_inuse(chunk_to_mem(chunk));
}

TEST_DIES(arena, an_overwritten_next_header_is_fatal, "corrupted next size")
{
    struct chunk *chunk = three();

    memset(chunk_to_mem(chunk), 0x41, 512);
    arena_free(&arena, chunk);
}

TEST_DIES(arena, a_cleared_prev_inuse_is_fatal, "double free or corruption")
{
    struct chunk *chunk = three();

    chunk_set_prev_inuse(chunk_next(chunk), false);
    arena_free(&arena, chunk);
}

TEST_DIES(arena, a_wrong_prev_size_is_fatal, "corrupted size vs. prev_size")
{
    struct chunk *chunk = three();

    give((struct chunk *)((uintptr_t)chunk - 64));
    chunk->prev_size = 48;
    arena_free(&arena, chunk);
}

TEST_CHILD(arena, check_sees_what_is_wrong)
{
    struct chunk *chunk = three();

    arena.free_bytes += 16;
    CHECK(arena_check(&arena) != NULL);
    arena.free_bytes -= 16;
    chunk_set_prev_inuse(chunk, false);
    CHECK(arena_check(&arena) != NULL);
    chunk_set_prev_inuse(chunk, true);
    check_arena();
    chunk_set(chunk, 496, PREV_INUSE | NON_MAIN_ARENA);
    CHECK(arena_check(&arena) != NULL);
    chunk_wipe(chunk);
    CHECK(arena_check(&arena) != NULL);
}

/*
 * Blocks are freed in the order they were made: what is live moves on.  Its
 * arena must use again what it left behind, not always more.
 */
TEST_CHILD(arena, a_live_set_that_moves_stays_where_it_was)
{
    enum { LIVE = 20, ROUNDS = 4000 };
    struct chunk *live[LIVE] = {NULL};

    arena_start(false);
    for (size_t i = 0; i < ROUNDS; i++) {
        if (live[i % LIVE] != NULL)
            arena_free(&arena, live[i % LIVE]);
        live[i % LIVE] = arena_alloc(&arena, (200 + i % 97) * (size_t)KIB);
        REQUIRE(live[i % LIVE] != NULL);
    }
    check_arena();
    /* 5 MiB live; the zone minds 16 MiB free below its frontier. */
    size_t used = zones[0].frontier - zones[0].first;
    CHECK(used << PAGE_SHIFT < 64 * MIB);
}
