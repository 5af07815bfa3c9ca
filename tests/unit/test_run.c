/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

#include "heap/run.h"
#include "page/reclaim.h"

static void *run(size_t size, size_t align)
{
    bool fresh;
    void *mem = run_alloc(size, align, &fresh);

    REQUIRE(mem != NULL);
    return mem;
}

TEST_CHILD(run, costs_whole_pages_and_no_more)
{
    REQUIRE(zone_init());
    for (size_t size = 1; size < 5 * MIB; size = size * 3 / 2 + 1) {
        size_t before = zone_live_pages();
        char *mem = run(size, 16);
        size_t pages = (size + PAGE_BYTES - 1) / PAGE_BYTES;
        CHECK_EQ(run_size(mem), pages * PAGE_BYTES);
        CHECK_EQ(zone_live_pages() - before, pages);
        memset(mem, 1, run_size(mem));
        run_release(mem);
        CHECK_EQ(zone_live_pages(), before);
    }
    check_zones();
}

TEST_CHILD(run, starts_at_its_alignment)
{
    REQUIRE(zone_init());
    for (size_t align = 16; align <= 64 * MIB; align *= 2)
        CHECK_EQ((uintptr_t)run(300000, align) % align, 0);
}

TEST_CHILD(run, beyond_the_largest_block_there_is_none)
{
    bool fresh;

    REQUIRE(zone_init());
    CHECK(run_alloc(64 * MIB + 1, 16, &fresh) == NULL);
    CHECK(run_alloc(1, 128 * MIB, &fresh) == NULL);
    CHECK(run_alloc(SIZE_MAX, 16, &fresh) == NULL);
    run_release(run(64 * MIB, 16));
    CHECK_EQ(zone_live_pages(), 0);
}

TEST_CHILD(run, shrinks_in_place)
{
    REQUIRE(zone_init());
    char *mem = run(MIB, 16);
    memset(mem, 6, MIB);
    CHECK(run_resize(mem, 300000));
    CHECK_EQ(run_size(mem), round_up(300000, PAGE_BYTES));
    CHECK_EQ(zone_live_pages(), run_size(mem) / PAGE_BYTES);
    CHECK(is_filled(mem, 6, run_size(mem)));
    check_zones();
    run_release(mem);
    CHECK_EQ(zone_live_pages(), 0);
    check_zones();
}

TEST_CHILD(run, grows_in_place_where_pages_are_free)
{
    REQUIRE(zone_init());
    char *mem = run(300000, 16);
    memset(mem, 6, 300000);
    CHECK(run_resize(mem, 900000));
    CHECK_EQ(run_size(mem), round_up(900000, PAGE_BYTES));
    CHECK(is_filled(mem, 6, 300000));
    memset(mem, 7, 900000);
    check_zones();
    CHECK(!run_resize(mem, 80 * (size_t)MIB));
    CHECK_EQ(run_size(mem), round_up(900000, PAGE_BYTES));
    run_release(mem);
    CHECK_EQ(zone_live_pages(), 0);
}

TEST_CHILD(run, does_not_grow_into_a_neighbour)
{
    REQUIRE(zone_init());
    char *mem = run(MIB, 16);
    char *next = run(MIB, 16);
    memset(next, 5, MIB);
    CHECK(next == mem + MIB);
    CHECK(!run_resize(mem, MIB + 1));
    CHECK_EQ(run_size(mem), MIB);
    run_release(next);
    CHECK(run_resize(mem, MIB + 1));
}

/* The pages behind a run know their zone only once they were free before. */
TEST_CHILD(run, in_a_second_zone_shrinks_and_grows_as_well)
{
    REQUIRE(zone_init());
    run(PAGE_BYTES, 16);
    zone_close(&zones[0]);
    while (run(MIB, 16) != NULL && zone_count < 2) {
    }
    size_t before = zone_live_pages();
    char *mem = run(2 * (size_t)MIB, 16);
    struct page_ref ref;
    CHECK(page_lookup((uintptr_t)mem, &ref) && ref.zone == &zones[1]);
    memset(mem, 6, 2 * (size_t)MIB);
    CHECK(run_resize(mem, 300000));
    CHECK(is_filled(mem, 6, 300000));
    check_zones();
    CHECK_EQ(zone_live_pages() - before, run_size(mem) / PAGE_BYTES);
    CHECK(run_resize(mem, 900000));
    check_zones();
    run_release(mem);
    check_zones();
    CHECK_EQ(zone_live_pages(), before);
}

TEST_CHILD(run, reads_as_zero_when_it_says_so)
{
    bool fresh;

    REQUIRE(zone_init());
    char *mem = run_alloc(MIB, 16, &fresh);
    CHECK(fresh && is_filled(mem, 0, MIB));
    memset(mem, 1, MIB);
    run_release(mem);
    mem = run_alloc(MIB, 16, &fresh);
    CHECK(!fresh);
    run_release(mem);
    reclaim_all(0);
    mem = run_alloc(MIB, 16, &fresh);
    CHECK(fresh && is_filled(mem, 0, MIB));
}

TEST_DIES(run, a_double_free_is_fatal, "free(): ")
{
    REQUIRE(zone_init());
    char *mem = run(MIB, 16);
    run_release(mem);
    run_release(mem);
}

TEST_DIES(run, a_pointer_into_it_is_fatal, "invalid pointer")
{
    REQUIRE(zone_init());
    char *mem = run(MIB, 16);
    run_release(mem + PAGE_BYTES);
}

TEST_DIES(run, a_pointer_into_its_first_page_is_fatal, "invalid pointer")
{
    REQUIRE(zone_init());
    char *mem = run(MIB, 16);
    run_release(mem + 16);
}
