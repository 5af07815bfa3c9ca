/* SPDX-License-Identifier: MIT */
#include "unit_page.h"

#include "base/tunables.h"
#include "os/os_env.h"
#include "page/huge_page.h"

TEST(huge_page, is_used_where_the_kernel_may)
{
    enum os_thp mode = os_thp_mode();

    size_t ratio = tunables.hugepage_ratio;
    tunables.hugepage_ratio = 16;
    CHECK_EQ(huge_page_is_used(), mode != OS_THP_NEVER);
    tunables.hugepage_ratio = 0;
    CHECK_EQ(huge_page_is_used(), mode == OS_THP_ALWAYS);
    tunables.hugepage_ratio = ratio;
}

TEST_CHILD(huge_page, a_small_heap_asks_for_none)
{
    tunables.hugepage_ratio = 16;
    REQUIRE(zone_init());
    size_t calls = os_call_count(OS_MADVISE);
    for (int i = 0; i < 4; i++)
        CHECK(zone_alloc(7) != NULL); /* 8 MiB in all */
    CHECK_EQ(os_call_count(OS_MADVISE), calls);
}

TEST_CHILD(huge_page, a_large_heap_asks_only_in_mode_madvise)
{
    tunables.hugepage_ratio = 16;
    REQUIRE(zone_init());
    size_t calls = os_call_count(OS_MADVISE);
    for (int i = 0; i < 64; i++)
        CHECK(zone_alloc(7) != NULL); /* 128 MiB */
    bool asked = os_call_count(OS_MADVISE) > calls;
    CHECK_EQ(asked, os_thp_mode() == OS_THP_MADVISE);
}

TEST_CHILD(huge_page, ratio_0_asks_for_none)
{
    REQUIRE(zone_init());
    tunables.hugepage_ratio = 0;
    size_t calls = os_call_count(OS_MADVISE);
    for (int i = 0; i < 64; i++)
        CHECK(zone_alloc(7) != NULL);
    CHECK_EQ(os_call_count(OS_MADVISE), calls);
}

/* The pages advised when [from, to) is committed behind `live` bytes. */
static size_t advised(struct zone *zone, size_t live, size_t pages)
{
    size_t from = zone->first + (live >> PAGE_SHIFT);
    size_t before = zone->hugepage_to = zone->first;

    huge_page_advise(zone, from, from + pages);
    return zone->hugepage_to - before;
}

TEST_CHILD(huge_page, asks_ahead_by_a_fraction_of_what_is_live)
{
    if (os_thp_mode() != OS_THP_MADVISE)
        return;
    tunables.hugepage_ratio = 16;
    REQUIRE(zone_init());
    struct zone *zone = &zones[0];
    size_t block = (size_t)1 << HUGE_PAGE_ORDER;
    CHECK_EQ(advised(zone, 4 * MIB, 16 * block), 0);
    /* 256 MiB / 16 = 16 MiB = 8 huge pages, from the old end on. */
    CHECK_EQ(advised(zone, 256 * (size_t)MIB, 64 * block),
             (256 / 2 + 8) * block);
    CHECK_EQ(advised(zone, 256 * (size_t)MIB, 2 * block),
             (256 / 2 + 2) * block);
}
