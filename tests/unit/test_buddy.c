/* SPDX-License-Identifier: MIT */
#include "unit_buddy.h"

static unsigned order_for(size_t bytes)
{
    return log2_ceil((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
}

/*
 * The textbook: 256 KiB are free, 21 KiB are wanted.  256 splits into two of
 * 128, one of these into two of 64, one of these into two of 32, and one of
 * these is the answer.
 */
TEST(buddy, textbook_21_kib_of_256_leave_128_64_and_32)
{
    start(256 * KIB / PAGE_BYTES);
    CHECK_EQ(buddy.nr_free, 16);
    CHECK_EQ(blocks(), 10000);

    unsigned order = order_for((size_t)21 * KIB);
    CHECK_EQ((size_t)PAGE_BYTES << order, 32 * KIB);
    size_t pfn = buddy_alloc(&buddy, order);
    CHECK_EQ(pfn, 0);
    CHECK_EQ(buddy.free_area[order_for((size_t)128 * KIB)].nr_free, 1);
    CHECK_EQ(buddy.free_area[order_for((size_t)64 * KIB)].nr_free, 1);
    CHECK_EQ(buddy.free_area[order_for((size_t)32 * KIB)].nr_free, 1);
    CHECK_EQ(blocks(), 1110);
    CHECK(buddy_is_free(&buddy, 2, 1));
    CHECK(buddy_is_free(&buddy, 4, 2));
    CHECK(buddy_is_free(&buddy, 8, 3));
    CHECK_NULL_TEXT(buddy_check(&buddy));

    buddy_free(&buddy, pfn, order, false);
    CHECK_EQ(blocks(), 10000);
    CHECK(buddy_is_free(&buddy, 0, 4));
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy, an_empty_one_has_nothing_to_give)
{
    memset(pages, 0, sizeof(pages));
    buddy_init(&buddy, pages, PAGES, small_blocks);
    CHECK(buddy_alloc(&buddy, 0) == PFN_NONE);
    CHECK(buddy_alloc(&buddy, MAX_ORDER) == PFN_NONE);
    CHECK(buddy_alloc_run(&buddy, 1, 0) == PFN_NONE);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy, orders_beyond_the_largest_are_refused)
{
    start(PAGES);
    CHECK(buddy_alloc(&buddy, MAX_ORDER + 1) == PFN_NONE);
    CHECK(buddy_alloc_run(&buddy, ((size_t)1 << MAX_ORDER) + 1, 0) == PFN_NONE);
    CHECK(buddy_alloc_run(&buddy, 1, MAX_ORDER + 1) == PFN_NONE);
    CHECK(buddy_alloc_run(&buddy, 0, 0) == PFN_NONE);
    CHECK_EQ(buddy.nr_free, PAGES);
}

TEST(buddy, every_order_gives_an_aligned_block)
{
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        start(PAGES);
        buddy_alloc(&buddy, 0);
        size_t pfn = buddy_alloc(&buddy, order);
        CHECK(pfn != PFN_NONE && pfn % ((size_t)1 << order) == 0);
        CHECK_EQ(buddy.nr_free, PAGES - 1 - ((size_t)1 << order));
        CHECK_NULL_TEXT(buddy_check(&buddy));
    }
}

TEST(buddy, the_smallest_block_that_fits_is_split)
{
    start(16);
    CHECK_EQ(buddy_alloc(&buddy, 1), 0); /* leaves 2, 4 and 8 pages */
    CHECK_EQ(buddy_alloc(&buddy, 0), 2);
    CHECK(buddy_is_free(&buddy, 3, 0));
    CHECK(buddy_is_free(&buddy, 4, 2));
    CHECK(buddy_is_free(&buddy, 8, 3));
}

TEST(buddy, a_block_merges_only_with_its_own_buddy)
{
    start(8);
    for (size_t pfn = 0; pfn < 8; pfn++)
        CHECK(buddy_alloc(&buddy, 0) != PFN_NONE);
    CHECK_EQ(buddy.nr_free, 0);
    buddy_free(&buddy, 1, 0, false);
    buddy_free(&buddy, 2, 0, false); /* neighbours, not buddies */
    CHECK_EQ(blocks(), 2);
    buddy_free(&buddy, 3, 0, false);
    CHECK_EQ(blocks(), 11);
    buddy_free(&buddy, 0, 0, false);
    CHECK_EQ(blocks(), 100);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy, a_buddy_of_another_order_is_not_merged)
{
    start(8);
    for (size_t pfn = 0; pfn < 8; pfn++)
        buddy_alloc(&buddy, 0);
    buddy_free(&buddy, 2, 0, false);
    buddy_free(&buddy, 0, 1, false); /* its buddy 2..3 is only half free */
    CHECK_EQ(blocks(), 11);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy, blocks_of_the_largest_order_do_not_merge)
{
    start(PAGES);
    CHECK_EQ(buddy.free_area[MAX_ORDER].nr_free, 2);
    size_t pfn = buddy_alloc(&buddy, MAX_ORDER);
    buddy_free(&buddy, pfn, MAX_ORDER, false);
    CHECK_EQ(buddy.free_area[MAX_ORDER].nr_free, 2);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy, a_buddy_behind_the_end_does_not_exist)
{
    start(5);
    CHECK_EQ(blocks(), 101);
    CHECK(!buddy_is_free(&buddy, 5, 0));
    size_t pfn = buddy_alloc(&buddy, 0);
    CHECK_EQ(pfn, 4);
    pages[5].state = PAGE_BUDDY; /* whatever lies behind is not looked at */
    buddy_free(&buddy, pfn, 0, false);
    CHECK_EQ(blocks(), 101);
}

TEST(buddy, isolate_takes_a_block_off_its_list)
{
    start(16);
    buddy_isolate(&buddy, 0);
    CHECK_EQ(buddy.nr_free, 0);
    CHECK_EQ(buddy.order_mask, 0);
    CHECK(buddy_alloc(&buddy, 0) == PFN_NONE);
    buddy_free(&buddy, 0, 4, true);
    CHECK_EQ(blocks(), 10000);
}

TEST(buddy, blocks_freed_as_last_are_handed_out_last)
{
    start(8);
    for (size_t pfn = 0; pfn < 8; pfn++)
        buddy_alloc(&buddy, 0);
    buddy_free(&buddy, 0, 0, false);
    buddy_free(&buddy, 2, 0, true);
    buddy_free(&buddy, 4, 0, false);
    CHECK_EQ(buddy_alloc(&buddy, 0), 0);
    CHECK_EQ(buddy_alloc(&buddy, 0), 4);
    CHECK_EQ(buddy_alloc(&buddy, 0), 2);
}

TEST(buddy, what_is_left_of_a_block_freed_as_last_stays_last)
{
    start(16);
    for (size_t pfn = 0; pfn < 16; pfn += 8)
        buddy_alloc(&buddy, 3);
    buddy_free(&buddy, 0, 3, true);
    CHECK_EQ(buddy_alloc(&buddy, 1), 0);
    buddy_free(&buddy, 10, 1, false);
    CHECK_EQ(buddy_alloc(&buddy, 1), 10);
    CHECK_EQ(buddy_alloc(&buddy, 1), 2);
}

TEST(buddy, the_lowest_of_the_blocks_is_handed_out)
{
    static const size_t freed[] = {12, 4, 14, 8, 2};

    start(16);
    for (size_t pfn = 0; pfn < 16; pfn++)
        buddy_alloc(&buddy, 0);
    for (unsigned i = 0; i < 5; i++)
        buddy_free(&buddy, freed[i], 0, false);
    CHECK_EQ(buddy_alloc(&buddy, 0), 2);
    CHECK_EQ(buddy_alloc(&buddy, 0), 4);
    CHECK_EQ(buddy_alloc(&buddy, 0), 8);
    CHECK_EQ(buddy_alloc(&buddy, 0), 12);
    CHECK_EQ(buddy_alloc(&buddy, 0), 14);
    CHECK_EQ(buddy_alloc(&buddy, 0), PFN_NONE);
}

/*
 * Small requests take a pageblock whole and fill it; a large one finds the
 * rest of another, though that of the small ones would do.
 */
TEST(buddy, what_is_small_keeps_to_its_own_pageblocks)
{
    start(4 * BLOCK);
    CHECK_EQ(buddy_alloc(&buddy, 1), 0);
    CHECK_EQ(buddy_alloc_run(&buddy, 12, 0), BLOCK);
    CHECK_EQ(buddy_alloc(&buddy, 1), 2);
    CHECK_EQ(buddy_alloc_run(&buddy, 8, 0), BLOCK + 16);
    for (size_t pfn = 4; pfn < BLOCK; pfn += 2)
        CHECK_EQ(buddy_alloc(&buddy, 1), pfn);
    CHECK_EQ(buddy_alloc(&buddy, 0), 2 * BLOCK);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

/* Where there is no other memory to be had. */
TEST(buddy, pageblocks_are_shared_when_no_other_room_is_left)
{
    start(2 * BLOCK);
    CHECK_EQ(buddy_alloc(&buddy, 1), 0);
    CHECK_EQ(buddy_alloc_run(&buddy, BLOCK - 2, 0), BLOCK);
    CHECK_EQ(buddy_alloc_run(&buddy, 16, 0), 16);
    CHECK(!buddy_has_crumbs_only(&buddy, 1));
    for (size_t pfn = 2; pfn < 16; pfn += 2)
        CHECK_EQ(buddy_alloc(&buddy, 1), pfn);
    CHECK(buddy_has_crumbs_only(&buddy, 1));
    CHECK(!buddy_has_crumbs_only(&buddy, BUDDY_SMALL_ORDER + 1));
    CHECK_EQ(buddy_alloc(&buddy, 1), 2 * BLOCK - 2);
    CHECK_EQ(buddy_alloc(&buddy, 0), PFN_NONE);
    CHECK_EQ(buddy.nr_free, 0);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy, a_free_pageblock_is_for_both)
{
    start(2 * BLOCK);
    CHECK_EQ(buddy_alloc(&buddy, 1), 0);
    CHECK_EQ(bitmap_count(small_blocks, 0, PAGES), 1);
    CHECK_EQ(buddy_free(&buddy, 0, 1, false), 0); /* where it merged to */
    CHECK(buddy_is_free(&buddy, 0, PAGEBLOCK_ORDER + 1));
    CHECK_EQ(bitmap_count(small_blocks, 0, PAGES), 0);
    CHECK_EQ(buddy_alloc_run(&buddy, BLOCK - 2, 0), 0);
    CHECK(buddy_is_free(&buddy, BLOCK - 2, 1));
    CHECK_EQ(buddy.small_mask, 0);
    CHECK_EQ(buddy_alloc(&buddy, 1), BLOCK);
}

/* Where the end moved to and nothing was before, the first says what for. */
TEST(buddy, growth_for_a_small_request_starts_a_pageblock)
{
    start(2 * BLOCK);
    CHECK(buddy_take_run(&buddy, 0, 2 * BLOCK));
    buddy_note_growth(&buddy, BLOCK, BLOCK + 2, 2);
    CHECK_EQ(bitmap_count(small_blocks, BLOCK, 1), 1);
    buddy_note_growth(&buddy, 2, 4, 2); /* its first pages were another's */
    buddy_note_growth(&buddy, 0, 0, 8); /* large */
    CHECK_EQ(bitmap_count(small_blocks, 0, PAGES), 1);
    buddy_free_run(&buddy, BLOCK + 4, 4, true);
    CHECK_EQ(buddy.small_area[2].nr_free, 1);
    CHECK_NULL_TEXT(buddy_check(&buddy));
}

TEST(buddy, check_sees_what_is_wrong)
{
    start(64);
    buddy.nr_free--;
    CHECK(buddy_check(&buddy) != NULL);
    start(64);
    buddy.free_area[3].nr_free++;
    CHECK(buddy_check(&buddy) != NULL);
    start(64);
    buddy.order_mask |= 1;
    CHECK(buddy_check(&buddy) != NULL);
    start(64);
    pages[0].order = 5;
    CHECK(buddy_check(&buddy) != NULL);
    start(64);
    pages[0].state = PAGE_RUN;
    CHECK(buddy_check(&buddy) != NULL);
    start(BLOCK + 8);
    bitmap_set(small_blocks, BLOCK, 1); /* but the block is on the others' */
    CHECK(buddy_check(&buddy) != NULL);
    start(BLOCK);
    buddy_alloc(&buddy, 0);
    buddy.small_area[0].nr_free++;
    CHECK(buddy_check(&buddy) != NULL);
    start(BLOCK);
    buddy_alloc(&buddy, 0);
    buddy.small_mask &= ~1u;
    CHECK(buddy_check(&buddy) != NULL);
}
