/* SPDX-License-Identifier: MIT */
#include "unit_page.h"

#include "page/page_list.h"

static struct page_list list;

static void start(unsigned order, uint32_t batch, uint32_t high)
{
    REQUIRE(zone_init());
    page_list_init(&list, order, batch, high);
}

TEST_CHILD(page_list, an_empty_list_takes_one_block_from_the_zone)
{
    start(2, 4, 16);
    struct page *page = page_list_alloc(&list);
    REQUIRE(page != NULL);
    CHECK_EQ(zone_live_pages(), 4);
    CHECK_EQ(list.count, 0);
    CHECK_EQ(page->state, PAGE_NONE);
}

TEST_CHILD(page_list, a_freed_block_stays_at_hand)
{
    start(2, 4, 16);
    struct page *page = page_list_alloc(&list);
    REQUIRE(page != NULL);
    page_list_free(&list, page);
    CHECK_EQ(list.count, 1);
    CHECK_EQ(page->state, PAGE_PCP);
    CHECK_EQ(page->order, 2);
    CHECK_EQ(zone_live_pages(), 4);
    CHECK(page_list_alloc(&list) == page);
    CHECK_EQ(page->state, PAGE_NONE);
    CHECK_EQ(list.count, 0);
}

TEST_CHILD(page_list, the_block_freed_last_is_handed_out_first)
{
    start(0, 2, 8);
    struct page *first = page_list_alloc(&list);
    struct page *second = page_list_alloc(&list);
    page_list_free(&list, first);
    page_list_free(&list, second);
    CHECK(page_list_alloc(&list) == second);
    CHECK(page_list_alloc(&list) == first);
}

TEST_CHILD(page_list, free_clears_the_tags_of_all_pages)
{
    start(2, 4, 16);
    struct page *page = page_list_alloc(&list);
    REQUIRE(page != NULL);
    size_t pfn = page_number(page);
    tag_set(&zones[0], pfn, 5, 99);
    page_list_free(&list, page);
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(zones[0].tags[pfn + i], 0);
    CHECK_EQ(zones[0].tags[pfn + 4], 99);
}

TEST_CHILD(page_list, beyond_high_a_batch_goes_back)
{
    struct page *pages[9];

    start(0, 3, 8);
    for (size_t i = 0; i < 9; i++)
        pages[i] = page_list_alloc(&list);
    for (size_t i = 0; i < 8; i++)
        page_list_free(&list, pages[i]);
    CHECK_EQ(list.count, 8);
    CHECK_EQ(zone_live_pages(), 9);
    page_list_free(&list, pages[8]);
    CHECK_EQ(list.count, 8 - 3);
    CHECK_EQ(zone_live_pages(), 5);
    check_zones();
}

TEST_CHILD(page_list, drain_gives_everything_back)
{
    struct page *pages[5];

    start(3, 2, 8);
    for (size_t i = 0; i < 5; i++)
        pages[i] = page_list_alloc(&list);
    for (size_t i = 0; i < 5; i++)
        page_list_free(&list, pages[i]);
    page_list_drain(&list);
    CHECK_EQ(list.count, 0);
    CHECK_EQ(zone_live_pages(), 0);
    check_zones();
    page_list_drain(&list);
    CHECK(page_list_alloc(&list) != NULL);
}

TEST_CHILD(page_list, no_memory_is_null_and_the_list_lives_on)
{
    start(2, 2, 8);
    fault(OS_MPROTECT, 1, true);
    CHECK(page_list_alloc(&list) == NULL);
    fault_none();
    CHECK(page_list_alloc(&list) != NULL);
}

TEST_CHILD(page_list, listed_blocks_serve_when_the_zone_cannot)
{
    start(2, 2, 8);
    struct page *page = page_list_alloc(&list);
    page_list_free(&list, page);
    zone_close(&zones[0]);
    fault(OS_MMAP, 1, true);
    CHECK(page_list_alloc(&list) == page);
}
