/* SPDX-License-Identifier: MIT */
/*
 * What goes back to the zone, or to the kernel, from amid an arena.
 */
#include "unit_arena.h"

TEST_CHILD(segment, pages_in_the_midst_of_a_segment_go_back)
{
    arena_start(false);
    struct chunk *front = take(64 * (size_t)KIB);
    struct chunk *middle = take(4 * (size_t)MIB);
    struct chunk *back = take(64 * (size_t)KIB);
    fill(front, 1);
    fill(middle, 2);
    fill(back, 3);
    size_t live = zone_live_pages();
    give(middle);
    CHECK(zone_live_pages() <= live - 200);
    CHECK(holds(front, 1, chunk_usable(64 * KIB)));
    CHECK(holds(back, 3, chunk_usable(64 * KIB)));
    check_zones();
    give(front);
    give(back);
    check_zones();
    arena_trim(&arena, 0);
    check_arena();
    CHECK(zone_live_pages() < 40);
}

enum { SMALL_SEGMENT = 60 * KIB }; /* below RETURN_MIN */

/* Chunks that fill a segment each, but for a rest. */
static void take_apart(struct chunk **chunks, int count)
{
    for (int i = 0; i < count; i++) {
        chunks[i] = take(SMALL_SEGMENT);
        fill(chunks[i], 0x11);
        zone_alloc(0); /* behind it: the next one starts a segment */
    }
}

TEST_CHILD(segment, small_segments_go_back_beside_much_that_is_free)
{
    enum { STAY = 30, MORE = 30 }; /* of these, about as much as may stay */
    struct chunk *chunks[STAY + MORE];

    arena_start(false);
    take_apart(chunks, STAY + MORE);
    struct chunk *keep = take(64);
    size_t live = zone_live_pages();
    for (int i = 0; i < STAY; i++)
        give(chunks[i]);
    CHECK_EQ(zone_live_pages(), live);
    for (int i = STAY; i < STAY + MORE; i++)
        give(chunks[i]);
    check_zones();
    CHECK(live - zone_live_pages() >= (MORE - 8) * SMALL_SEGMENT / PAGE_BYTES);
    give(keep);
}

TEST_CHILD(segment, small_segments_go_back_when_purged)
{
    enum { SEGMENTS = 30 };
    struct chunk *chunks[SEGMENTS];

    arena_start(false);
    take_apart(chunks, SEGMENTS);
    struct chunk *keep = take(64);
    size_t live = zone_live_pages();
    for (int i = 0; i < SEGMENTS; i++)
        give(chunks[i]);
    CHECK(arena_trim(&arena, 0) > SEGMENTS * 55 * (size_t)KIB);
    check_arena();
    check_zones();
    CHECK(live - zone_live_pages() >=
          SEGMENTS * SMALL_SEGMENT / PAGE_BYTES / 2);
    CHECK(arena.system_mem < 10 * SMALL_SEGMENT);
    /* The last one lies beside `keep`, and may hold no whole system page. */
    size_t shared = os_page_size() > PAGE_BYTES ? (size_t)SMALL_SEGMENT : 0;
    CHECK(arena.dirty <= shared);
    /* Their pages can be had again, and read as the zone says. */
    for (int i = 0; i < SEGMENTS; i++) {
        bool fresh;
        struct page *page = zone_alloc_run(2, 0, &fresh);
        REQUIRE(page != NULL);
        CHECK(!fresh || is_filled(page_mem(page), 0, 2 * PAGE_BYTES));
    }
    give(keep);
}

/* Where only single pages are free, segments are of one. */
TEST_CHILD(segment, segments_of_one_page_go_back_when_purged)
{
    enum { SEGMENTS = 40 };
    struct page *pages[2 * SEGMENTS];
    struct chunk *chunks[SEGMENTS];

    arena_start(false);
    struct chunk *keep = take(64);
    for (int i = 0; i < 2 * SEGMENTS; i++)
        REQUIRE((pages[i] = zone_alloc(0)) != NULL);
    while (zones[0].buddy.nr_free > 0)
        zone_alloc(0);
    for (int i = 0; i < 2 * SEGMENTS; i += 2)
        zone_free(pages[i], 0);
    size_t live = zone_live_pages();
    for (int i = 0; i < SEGMENTS; i++) {
        chunks[i] = take(PAGE_BYTES - 8 * (size_t)CHUNK_HEADER);
        fill(chunks[i], 0x33);
    }
    CHECK(zone_live_pages() >= live + SEGMENTS - 1);
    for (int i = 0; i < SEGMENTS; i++)
        give(chunks[i]);
    arena_trim(&arena, 0);
    check_arena();
    check_zones();
    CHECK(zone_live_pages() <= live + 1); /* top's */
    give(keep);
}

TEST_CHILD(segment, trim_gives_back_pages_of_small_chunks)
{
    enum { CHUNKS = 50 };
    size_t size = 3 * os_page_size() < PURGE_CHUNK ? 3 * os_page_size() : 0;
    struct chunk *chunks[CHUNKS];

    if (size == 0)
        return; /* no chunk that small holds a whole page */
    arena_start(false);
    for (int i = 0; i < CHUNKS; i++) {
        chunks[i] = take(size);
        fill(chunks[i], 0x22);
        fill(take(64), i);
    }
    for (int i = 0; i < CHUNKS; i++)
        give(chunks[i]);
    CHECK(arena_trim(&arena, 0) >= CHUNKS * size);
    check_arena();
    for (int i = 0; i < CHUNKS; i++) {
        char *page =
            (char *)round_up((uintptr_t)(chunks[i] + 1), os_page_size());
        CHECK(is_filled(page, 0, os_page_size()));
    }
}

TEST_CHILD(segment, a_whole_segment_goes_back)
{
    arena_start(false);
    struct chunk *first = take(4 * (size_t)MIB);
    struct chunk *second = take(30 * (size_t)MIB);
    take(64);
    size_t live = zone_live_pages();
    give(first);
    CHECK(zone_live_pages() <= live - 240);
    give(second);
    arena_trim(&arena, 0);
    check_arena();
    check_zones();
    CHECK(zone_live_pages() < 40);
}
