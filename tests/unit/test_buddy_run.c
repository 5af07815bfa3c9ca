/* SPDX-License-Identifier: MIT */
#include "unit_buddy.h"

TEST(buddy_run, a_run_gives_its_tail_back)
{
    start(64);
    size_t pfn = buddy_alloc_run(&buddy, 21, 0);
    CHECK_EQ(pfn, 0);
    CHECK_EQ(buddy.nr_free, 64 - 21);
    CHECK(buddy_is_free(&buddy, 21, 0));
    CHECK(buddy_is_free(&buddy, 22, 1));
    CHECK(buddy_is_free(&buddy, 24, 3));
    CHECK_NULL_TEXT(buddy_check(&buddy));
    buddy_free_run(&buddy, pfn, 21, false);
    CHECK(buddy_is_free(&buddy, 0, 6));
}

TEST(buddy_run, a_run_of_any_length_and_alignment_comes_and_goes)
{
    for (size_t npages = 1; npages <= 70; npages++) {
        for (unsigned align = 0; align <= 8; align++) {
            start(1024);
            CHECK(buddy_alloc(&buddy, 0) == 0);
            size_t pfn = buddy_alloc_run(&buddy, npages, align);
            CHECK(pfn != PFN_NONE && pfn % ((size_t)1 << align) == 0);
            CHECK_EQ(buddy.nr_free, 1023 - npages);
            CHECK_NULL_TEXT(buddy_check(&buddy));
            buddy_free_run(&buddy, pfn, npages, false);
            buddy_free(&buddy, 0, 0, false);
            CHECK(buddy_is_free(&buddy, 0, 10));
        }
    }
}

TEST(buddy_run, take_run_takes_exactly_the_pages)
{
    start(64);
    CHECK(buddy_take_run(&buddy, 13, 30));
    CHECK_EQ(buddy.nr_free, 34);
    CHECK_NULL_TEXT(buddy_check(&buddy));
    CHECK(!buddy_take_run(&buddy, 42, 1));
    CHECK(buddy_take_run(&buddy, 43, 1));
    CHECK(buddy_take_run(&buddy, 12, 1));
    CHECK_NULL_TEXT(buddy_check(&buddy));
    buddy_free_run(&buddy, 12, 32, false);
    CHECK(buddy_is_free(&buddy, 0, 6));
}

TEST(buddy_run, take_run_changes_nothing_when_a_page_is_taken)
{
    start(64);
    CHECK(buddy_take_run(&buddy, 30, 1));
    unsigned long before = blocks();
    CHECK(!buddy_take_run(&buddy, 20, 11));
    CHECK(!buddy_take_run(&buddy, 30, 5));
    CHECK(!buddy_take_run(&buddy, 60, 5)); /* behind the end */
    CHECK_EQ(blocks(), before);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy_run, a_small_run_is_composed_in_a_small_pageblock)
{
    start(2 * BLOCK);
    CHECK_EQ(buddy_alloc(&buddy, 1), 0);
    CHECK(buddy_take_run(&buddy, 2, 2));
    CHECK(buddy_take_run(&buddy, 7, BLOCK - 7));
    CHECK_EQ(buddy_alloc_run(&buddy, 3, 0), 4); /* of two and of one */
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

/* Free are only the pages [from, to). */
static void start_with(size_t npages, size_t from, size_t to)
{
    start(npages);
    CHECK(buddy_take_run(&buddy, 0, from));
    CHECK(buddy_take_run(&buddy, to, npages - to));
}

/* [5] [6 7] [8 .. 15] [16 17], and the like. */
TEST(buddy_run, neighbours_that_are_no_buddies_serve_one)
{
    start_with(64, 5, 18);
    CHECK_EQ(buddy_alloc_run(&buddy, 12, 0), 6);
    CHECK_NULL_TEXT(buddy_check(&buddy));
    start_with(64, 6, 14);
    CHECK_EQ(buddy_alloc_run(&buddy, 8, 0), 6); /* a power of two */
    CHECK_EQ(buddy.nr_free, 0);
    start_with(64, 4, 13);
    CHECK_EQ(buddy_alloc_run(&buddy, 9, 0), 4); /* of two quarters and a bit */
    CHECK_EQ(buddy.nr_free, 0);
}

TEST(buddy_run, neighbours_in_a_small_pageblock_are_the_last_resort)
{
    start(2 * BLOCK);
    CHECK_EQ(buddy_alloc(&buddy, 1), 0);
    CHECK(buddy_take_run(&buddy, 2, 4));
    CHECK(buddy_take_run(&buddy, 14, BLOCK - 14));
    CHECK_EQ(buddy_alloc_run(&buddy, 8, 0), BLOCK);
    CHECK(buddy_take_run(&buddy, BLOCK + 8, BLOCK - 8));
    CHECK_EQ(buddy_alloc_run(&buddy, 8, 0), 6);
    CHECK_EQ(buddy.nr_free, 0);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy_run, too_few_neighbours_stay_as_they_are)
{
    start_with(64, 5, 18);
    unsigned long before = blocks();
    CHECK_EQ(buddy_alloc_run(&buddy, 14, 0), PFN_NONE);
    CHECK_EQ(buddy_alloc_run(&buddy, 12, 4), PFN_NONE); /* aligned */
    CHECK_EQ(blocks(), before);
    CHECK_NULL_TEXT(buddy_check(&buddy));
    /* At both ends of the map there is nothing to look at. */
    start_with(16, 0, 7);
    CHECK_EQ(buddy_alloc_run(&buddy, 8, 0), PFN_NONE);
    start_with(16, 9, 16);
    CHECK_EQ(buddy_alloc_run(&buddy, 8, 0), PFN_NONE);
    CHECK_EQ(buddy.nr_free, 7);
}

/* Which run holds a page; 0 = none. */
static uint16_t owner[PAGES];

enum { RUNS = 200 };

static struct {
    size_t pfn;
    size_t npages;
} runs[RUNS + 1];

static void model_set(size_t pfn, size_t npages, uint16_t from, uint16_t to)
{
    for (size_t i = pfn; i < pfn + npages; i++) {
        CHECK_EQ(owner[i], from);
        owner[i] = to;
    }
}

static void stress_alloc(uint16_t id)
{
    size_t npages = 1 + random_below(random_below(8) == 0 ? 600 : 40);
    unsigned align = (unsigned)random_below(6);
    size_t pfn = buddy_alloc_run(&buddy, npages, align);

    if (pfn == PFN_NONE)
        return;
    CHECK_EQ(pfn % ((size_t)1 << align), 0);
    model_set(pfn, npages, 0, id);
    runs[id].pfn = pfn;
    runs[id].npages = npages;
}

/* Frees it, or a part of it, or lets it grow. */
static void stress_change(uint16_t id)
{
    size_t pfn = runs[id].pfn;
    size_t npages = runs[id].npages;
    size_t change = 1 + random_below(npages);

    if (random_below(3) == 0 && buddy_take_run(&buddy, pfn + npages, change)) {
        model_set(pfn + npages, change, 0, id);
        runs[id].npages += change;
        return;
    }
    model_set(pfn + npages - change, change, id, 0);
    buddy_free_run(&buddy, pfn + npages - change, change, random_below(2) != 0);
    runs[id].npages -= change;
}

TEST(buddy_run, random_runs_never_overlap_and_all_coalesce)
{
    start(PAGES);
    for (int step = 0; step < 20000; step++) {
        uint16_t id = (uint16_t)(1 + random_below(RUNS));
        if (runs[id].npages == 0)
            stress_alloc(id);
        else
            stress_change(id);
        if (step % 64 == 0)
            CHECK_NULL_TEXT(buddy_check(&buddy));
    }
    size_t live = 0;
    for (size_t i = 1; i <= RUNS; i++)
        live += runs[i].npages;
    CHECK_EQ(buddy.nr_free, PAGES - live);
    for (size_t i = 1; i <= RUNS; i++)
        buddy_free_run(&buddy, runs[i].pfn, runs[i].npages, false);
    CHECK_NULL_TEXT(buddy_check(&buddy));
    CHECK_EQ(buddy.free_area[MAX_ORDER].nr_free, 2);
    CHECK_EQ(buddy.nr_free, PAGES);
}
