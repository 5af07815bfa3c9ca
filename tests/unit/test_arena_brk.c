/* SPDX-License-Identifier: MIT */
#include "unit_arena.h"

static bool is_brk(const struct chunk *chunk)
{
    return (uintptr_t)chunk < page_address(zones[0].base, zones[0].first);
}

/* The main arena; false where zone 0 does not reach down to the break. */
static bool main_start(void)
{
    arena_start(true);
    return zones[0].first != 0;
}

TEST_CHILD(arena_brk, the_main_arena_grows_by_brk)
{
    if (!main_start())
        return;
    char *before = sbrk(0);
    struct chunk *chunk = take(512);
    CHECK((char *)chunk >= before && (char *)chunk < (char *)sbrk(0));
    CHECK(is_brk(chunk));
    CHECK((chunk_flags(chunk) & NON_MAIN_ARENA) == 0);
    CHECK_EQ(arena.brk.end, sbrk(0));
    CHECK_EQ(zone_live_pages(), 0);
    fill(take(5 * (size_t)MIB), 1);
    CHECK_EQ(arena.brk.end, sbrk(0));
}

TEST_CHILD(arena_brk, chunks_on_brk_are_found_by_their_tag)
{
    struct page_ref ref;

    if (!main_start())
        return;
    struct chunk *chunk = take(5 * (size_t)MIB);
    for (size_t at = 0; at < 5 * MIB; at += 4096) {
        CHECK(page_lookup((uintptr_t)chunk + at, &ref));
        CHECK_EQ(ref.tag, tag_make(ARENA_ID, KIND_CHUNK));
    }
}

TEST_CHILD(arena_brk, trim_lowers_the_break)
{
    struct page_ref ref;

    if (!main_start())
        return;
    struct chunk *keep = take(512);
    struct chunk *large = take(8 * (size_t)MIB);
    fill(keep, 4);
    char *high = sbrk(0);
    give(large);
    CHECK(arena_trim(&arena, 0) >= 7 * MIB);
    check_arena();
    CHECK(high - (char *)sbrk(0) >= (long)(7 * MIB));
    CHECK(holds(keep, 4, chunk_usable(512)));
    CHECK(page_lookup((uintptr_t)high - 2 * PAGE_BYTES, &ref));
    CHECK_EQ(ref.tag, 0);
    fill(take(8 * (size_t)MIB), 1);
}

TEST_CHILD(arena_brk, trim_that_fails_changes_nothing)
{
    if (!main_start())
        return;
    take(512);
    give(take(8 * (size_t)MIB));
    size_t top = top_size(&arena);
    fault(OS_BRK, 1, true);
    top_trim(&arena, 0);
    fault_none();
    check_arena();
    CHECK_EQ(top_size(&arena), top);
    CHECK(top_trim(&arena, 0) > 0);
    check_arena();
}

TEST_CHILD(arena_brk, foreign_memory_on_the_break_is_stepped_over)
{
    if (!main_start())
        return;
    struct chunk *first = take(512);
    fill(first, 1);
    char *foreign = sbrk(10000);
    memset(foreign, 0x66, 10000);
    struct chunk *second = take(2 * (size_t)MIB);
    fill(second, 2);
    CHECK((char *)second >= foreign + 10000);
    CHECK(is_filled(foreign, 0x66, 10000));
    CHECK_EQ(arena.nr_brk_old, 1);
    CHECK(holds(first, 1, chunk_usable(512)));
    /* The old stretch is not lost: its top serves. */
    CHECK((char *)take(512) < foreign);
    give(second);
    arena_trim(&arena, 0);
    check_arena();
    CHECK(is_filled(foreign, 0x66, 10000));
}

TEST_CHILD(arena_brk, a_foreign_break_above_top_is_not_lowered)
{
    if (!main_start())
        return;
    give(take(2 * (size_t)MIB));
    char *foreign = sbrk(4096);
    memset(foreign, 0x66, 4096);
    arena_trim(&arena, 0);
    check_arena();
    CHECK_EQ(sbrk(0), foreign + 4096);
    CHECK(is_filled(foreign, 0x66, 4096));
}

TEST_CHILD(arena_brk, after_many_foreign_calls_runs_take_over)
{
    struct chunk *chunk = NULL;

    if (!main_start())
        return;
    for (int i = 0; i < 2 * NBRK_OLD + 2; i++) {
        chunk = take(MIB);
        fill(chunk, i);
        sbrk(64);
    }
    CHECK(arena.nr_brk_old <= NBRK_OLD);
    CHECK(!is_brk(chunk));
    CHECK(zone_live_pages() > 0);
}

/* A mapping right behind the break: it cannot move. */
static void block_brk(void)
{
    uintptr_t now = round_up((uintptr_t)sbrk(0), os_page_size());
    void *wall = mmap((void *)now, os_page_size(), PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    REQUIRE(wall == (void *)now);
}

TEST_CHILD(arena_brk, a_break_blocked_from_the_start_is_replaced_by_runs)
{
    if (!main_start())
        return;
    block_brk();
    struct chunk *chunk = take(MIB);
    fill(chunk, 1);
    CHECK(!is_brk(chunk));
    give(chunk);
    CHECK(zone_live_pages() > 0);
}

TEST_CHILD(arena_brk, a_break_blocked_later_is_replaced_by_runs)
{
    if (!main_start())
        return;
    struct chunk *first = take(MIB);
    fill(first, 1);
    block_brk();
    struct chunk *second = take(16 * (size_t)MIB);
    fill(second, 2);
    CHECK(is_brk(first) && !is_brk(second));
    CHECK(holds(first, 1, chunk_usable(MIB)));
    give(first);
    give(second);
    arena_trim(&arena, 0);
    check_arena();
    take(MIB);
}

TEST_CHILD(arena_brk, failing_brk_and_runs_are_no_memory)
{
    arena_start(true);
    fault(OS_BRK, 1, true);
    struct chunk *chunk = take(512);
    CHECK(!is_brk(chunk));
    zone_close(&zones[0]);
    fault(OS_BRK, 1, true);
    while (arena_alloc(&arena, 256 * (size_t)KIB) != NULL) {
        if (zone_count > 1)
            break;
    }
    check_arena();
}

TEST_CHILD(arena_brk, tags_that_cannot_be_written_undo_the_break)
{
    if (!main_start())
        return;
    char *before = sbrk(0);
    fault(OS_MPROTECT, 1, true);
    CHECK(arena_alloc(&arena, 512) == NULL);
    fault_none();
    CHECK_EQ(sbrk(0), before);
    CHECK(is_brk(take(512)));
}
