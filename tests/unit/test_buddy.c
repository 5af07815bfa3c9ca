/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "page/buddy.h"

enum { PAGES = 8192 }; /* two blocks of the largest order */

static struct page pages[PAGES];
static uint64_t small_blocks[PAGES / 64];
static struct buddy buddy;

/* `npages` pages, all free. */
static void start(size_t npages)
{
    memset(pages, 0, sizeof(pages));
    memset(small_blocks, 0, sizeof(small_blocks));
    buddy_init(&buddy, pages, npages, small_blocks);
    buddy_free_run(&buddy, 0, npages, false);
}

/* Free blocks of each order, as digits from order 0: 0012 = two of order 3. */
static unsigned long blocks(void)
{
    unsigned long digits = 0;

    for (unsigned order = NORDERS; order-- > 0;) {
        digits = digits * 10 + buddy.free_area[order].nr_free;
        if (order < PAGEBLOCK_ORDER)
            digits += buddy.small_area[order].nr_free;
    }
    return digits;
}

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

TEST(buddy, a_run_gives_its_tail_back)
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

TEST(buddy, a_run_of_any_length_and_alignment_comes_and_goes)
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

TEST(buddy, take_run_takes_exactly_the_pages)
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

TEST(buddy, take_run_changes_nothing_when_a_page_is_taken)
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

enum { BLOCK = 1 << PAGEBLOCK_ORDER };

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

TEST(buddy, a_small_run_is_composed_in_a_small_pageblock)
{
    start(2 * BLOCK);
    CHECK_EQ(buddy_alloc(&buddy, 1), 0);
    CHECK(buddy_take_run(&buddy, 2, 2));
    CHECK(buddy_take_run(&buddy, 7, BLOCK - 7));
    CHECK_EQ(buddy_alloc_run(&buddy, 3, 0), 4); /* of two and of one */
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

TEST(buddy, random_runs_never_overlap_and_all_coalesce)
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
