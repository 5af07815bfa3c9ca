/* SPDX-License-Identifier: MIT */
#include "unit_page.h"

#include "base/lock.h"
#include "page/reclaim.h"
#include "page/zone_grow.h"

#include <pthread.h>
#include <sys/resource.h>

static struct page *alloc_run(size_t npages, unsigned align_order)
{
    bool fresh;

    return zone_alloc_run(npages, align_order, &fresh);
}

TEST_CHILD(zone, init_reserves_one_zone_and_commits_nothing)
{
    REQUIRE(zone_init());
    CHECK_EQ(zone_count, 1);
    CHECK(zones[0].npages > zones[0].first);
    CHECK_EQ(zones[0].frontier, zones[0].first);
    CHECK_EQ(zone_live_pages(), 0);
    check_zones();
}

TEST_CHILD(zone, the_span_of_zone_0_covers_the_break)
{
    uintptr_t now = (uintptr_t)os_brk_current();

    REQUIRE(zone_init());
    if (zones[0].first == 0)
        return; /* something lies above the break */
    CHECK(zones[0].base <= now);
    CHECK(now < page_address(zones[0].base, zones[0].first));
}

TEST_CHILD(zone, every_order_gives_zeroed_aligned_writable_pages)
{
    REQUIRE(zone_init());
    for (unsigned order = 0; order <= MAX_ORDER; order++) {
        struct page *page = zone_alloc(order);
        REQUIRE(page != NULL);
        size_t size = (size_t)PAGE_BYTES << order;
        unsigned char *mem = page_mem(page);
        CHECK_EQ((uintptr_t)mem % size, 0);
        CHECK_EQ(page->state, PAGE_NONE);
        CHECK(mem[0] == 0 && mem[size - 1] == 0);
        mem[0] = mem[size - 1] = 1;
    }
    CHECK_EQ(zone_live_pages(), ((size_t)2 << MAX_ORDER) - 1);
    check_zones();
}

TEST_CHILD(zone, pages_that_were_given_back_are_free_and_not_dirty)
{
    bool fresh;

    REQUIRE(zone_init());
    struct page *page = alloc_run(16, 4);
    memset(page_mem(page), 1, 16 * PAGE_BYTES);
    REQUIRE(os_purge(page_mem(page + 4), 8 * PAGE_BYTES));
    zone_free_purged_run(page, 16, 4, 12);
    CHECK_EQ(zone_dirty_pages(), 8);
    check_zones();
    /* Some of it is known zero, not all. */
    page = zone_alloc_run(16, 4, &fresh);
    CHECK(!fresh);
    CHECK(is_filled(page_mem(page + 4), 0, 8 * PAGE_BYTES));
    CHECK(is_filled(page_mem(page), 1, 4 * PAGE_BYTES));
    CHECK_EQ(zone_dirty_pages(), 0);
    check_zones();
}

TEST_CHILD(zone, finds_where_a_segment_starts)
{
    enum { RUN = 200 };

    REQUIRE(zone_init());
    struct zone *zone = &zones[0];
    struct page *first = alloc_run(RUN, 0);
    struct page *second = alloc_run(RUN, 0);
    size_t pfn = page_number(first);
    CHECK(zone_last_start(zone, pfn + 5) == NULL);
    CHECK(zone->first == 0 || zone_last_start(zone, zone->first - 1) == NULL);
    zone_mark_start(first, true);
    zone_mark_start(second, true);
    zone_mark_start(first + 70, true);
    CHECK(zone_last_start(zone, pfn) == first);
    CHECK(zone_last_start(zone, pfn + 69) == first);
    CHECK(zone_last_start(zone, pfn + 70) == first + 70);
    CHECK(zone_last_start(zone, pfn + RUN - 1) == first + 70);
    CHECK(zone_last_start(zone, page_number(second) + RUN) == second);
    zone_mark_start(first + 70, false);
    CHECK(zone_last_start(zone, pfn + 150) == first);
}

TEST_CHILD(zone, more_than_the_largest_order_is_refused)
{
    bool fresh;

    REQUIRE(zone_init());
    CHECK(zone_alloc(MAX_ORDER + 1) == NULL);
    CHECK(zone_alloc_run(((size_t)1 << MAX_ORDER) + 1, 0, &fresh) == NULL);
    CHECK(zone_alloc_run(1, MAX_ORDER + 1, &fresh) == NULL);
    CHECK_EQ(zone_live_pages(), 0);
}

TEST_CHILD(zone, a_run_costs_its_pages_and_no_more)
{
    REQUIRE(zone_init());
    for (size_t npages = 1; npages <= 300; npages += 13) {
        size_t before = zone_live_pages();
        struct page *page = alloc_run(npages, 0);
        REQUIRE(page != NULL);
        CHECK_EQ(zone_live_pages() - before, npages);
        memset(page_mem(page), 1, npages << PAGE_SHIFT);
        check_zones();
        if (npages % 2 == 0) {
            zone_free_run(page, npages);
            CHECK_EQ(zone_live_pages(), before);
        }
    }
    check_zones();
}

TEST_CHILD(zone, a_run_starts_where_its_alignment_wants)
{
    REQUIRE(zone_init());
    for (unsigned align = 0; align <= MAX_ORDER; align++) {
        struct page *page = alloc_run(3, align);
        REQUIRE(page != NULL);
        CHECK_EQ((uintptr_t)page_mem(page) % ((size_t)PAGE_BYTES << align), 0);
    }
    check_zones();
}

TEST_CHILD(zone, used_pages_are_not_fresh_until_given_back)
{
    bool fresh = false;

    REQUIRE(zone_init());
    struct page *page = zone_alloc_run(16, 0, &fresh);
    REQUIRE(page != NULL);
    CHECK(fresh);
    memset(page_mem(page), 0x77, 16 << PAGE_SHIFT);
    zone_free_run(page, 16);
    CHECK_EQ(zones[0].nr_dirty, 16);
    struct page *again = zone_alloc_run(16, 0, &fresh);
    CHECK(again == page && !fresh);
    zone_free_run(again, 16);
    CHECK_EQ(reclaim_all(0), (size_t)16 << PAGE_SHIFT);
    CHECK_EQ(zones[0].nr_dirty, 0);
    /* What was given back goes to the end of its list: take all there is. */
    size_t npages = zones[0].frontier - zones[0].first;
    page = zone_alloc_run(npages, 0, &fresh);
    REQUIRE(page != NULL && npages <= (size_t)1 << MAX_ORDER);
    CHECK(fresh);
    CHECK(is_filled(page_mem(page), 0, 16 << PAGE_SHIFT));
}

TEST_CHILD(zone, a_run_with_one_dirty_page_is_not_fresh)
{
    bool fresh = true;

    REQUIRE(zone_init());
    zone_free(zone_alloc(0), 0);
    struct page *page = zone_alloc_run(8, 0, &fresh);
    REQUIRE(page != NULL);
    CHECK(!fresh);
    CHECK_EQ(zones[0].nr_dirty, 0);
    check_zones();
}

TEST_CHILD(zone, everything_freed_is_whole_again)
{
    struct page *runs[100];

    REQUIRE(zone_init());
    for (size_t i = 0; i < 100; i++)
        runs[i] = alloc_run(1 + i, 0);
    for (size_t i = 0; i < 100; i += 2)
        zone_free_run(runs[i], 1 + i);
    for (size_t i = 1; i < 100; i += 2)
        zone_free_run(runs[i], 1 + i);
    check_zones();
    CHECK_EQ(zone_live_pages(), 0);
    CHECK_EQ(zones[0].buddy.nr_free, zones[0].frontier - zones[0].first);
}

TEST_CHILD(zone, a_run_extends_into_free_pages)
{
    REQUIRE(zone_init());
    struct page *page = alloc_run(5, 0);
    REQUIRE(page != NULL);
    CHECK(zone_extend_run(page, 5, 9));
    CHECK_EQ(zone_live_pages(), 14);
    memset(page_mem(page), 1, 14 << PAGE_SHIFT);
    check_zones();
    zone_free_run(page, 14);
    CHECK_EQ(zone_live_pages(), 0);
    check_zones();
}

TEST_CHILD(zone, a_run_does_not_extend_into_taken_pages)
{
    REQUIRE(zone_init());
    struct page *first = alloc_run(4, 0);
    struct page *second = alloc_run(4, 0);
    REQUIRE(first != NULL && second == first + 4);
    CHECK(!zone_extend_run(first, 4, 1));
    CHECK_EQ(zone_live_pages(), 8);
    zone_free_run(second, 4);
    CHECK(zone_extend_run(first, 4, 4));
    check_zones();
}

TEST_CHILD(zone, a_run_extends_beyond_the_frontier_but_not_the_span)
{
    REQUIRE(zone_init());
    struct page *page = alloc_run(1, 0);
    REQUIRE(page != NULL);
    CHECK(zone_extend_run(page, 1, 999));
    CHECK_EQ(zone_live_pages(), 1000);
    memset(page_mem(page), 1, 1000 << PAGE_SHIFT);
    check_zones();
    size_t left = zones[0].npages - zones[0].first - 1000;
    CHECK(!zone_extend_run(page, 1000, left + 1));
    CHECK_EQ(zone_live_pages(), 1000);
    check_zones();
}

TEST_CHILD(zone, memory_is_committed_in_steps_of_2_mib_at_least)
{
    REQUIRE(zone_init());
    zone_alloc(0);
    size_t step = 2 * MIB / PAGE_BYTES;
    CHECK_EQ(zones[0].committed - zones[0].first, step);
    CHECK(zones[0].frontier <= zones[0].committed);
    size_t calls = os_call_count(OS_MPROTECT);
    for (size_t i = 1; i < step; i++)
        CHECK(zone_alloc(0) != NULL);
    CHECK_EQ(os_call_count(OS_MPROTECT), calls);
    CHECK(zone_alloc(0) != NULL);
    CHECK(os_call_count(OS_MPROTECT) > calls);
    check_zones();
}

TEST_CHILD(zone, without_room_above_the_break_the_zone_lies_elsewhere)
{
    fault(OS_MMAP, 1, false);
    REQUIRE(zone_init());
    fault_none();
    CHECK_EQ(zones[0].first, 0);
    CHECK(zone_alloc(MAX_ORDER) != NULL);
    check_zones();
}

static void start_with_fault(void *arg)
{
    os_fault = *(const struct os_fault *)arg;
    CHECK(zone_init());
    fault_none();
    CHECK(zone_alloc(3) != NULL);
    check_zones();
}

TEST(zone, any_one_failing_call_at_start_is_made_good)
{
    static const enum os_call kinds[] = {OS_MMAP, OS_MUNMAP, OS_MPROTECT};

    for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        for (size_t n = 1; n <= 6; n++) {
            struct os_fault with = {.call = kinds[kind], .at = n};
            CHECK_EQ(test_child(start_with_fault, &with, NULL, 0), 0);
        }
    }
}

TEST_CHILD(zone, init_fails_when_nothing_can_be_reserved)
{
    fault(OS_MMAP, 1, true);
    CHECK(!zone_init());
    fault(OS_MPROTECT, 1, true);
    CHECK(!zone_init());
    CHECK_EQ(zone_count, 0);
    fault_none();
    CHECK(zone_init());
}

TEST_CHILD(zone, memory_that_cannot_be_committed_is_no_memory)
{
    REQUIRE(zone_init());
    fault(OS_MPROTECT, 1, true);
    CHECK(zone_alloc(0) == NULL);
    CHECK(zone_alloc(MAX_ORDER) == NULL);
    CHECK_EQ(zone_live_pages(), 0);
    check_zones();
    fault_none();
    struct page *page = zone_alloc(MAX_ORDER);
    REQUIRE(page != NULL);
    memset(page_mem(page), 1, MIB);
    check_zones();
}

TEST_CHILD(zone, each_failing_commit_leaves_the_zone_sound)
{
    REQUIRE(zone_init());
    for (size_t n = 1; n <= 8; n++) {
        fault(OS_MPROTECT, n, false);
        struct page *page = alloc_run(200 * n, 0);
        fault_none();
        check_zones();
        if (page != NULL)
            memset(page_mem(page), 1, 200 * n << PAGE_SHIFT);
    }
    CHECK(zone_alloc(0) != NULL);
}

TEST_CHILD(zone, a_full_zone_is_followed_by_a_second)
{
    REQUIRE(zone_init());
    struct page *first = zone_alloc(2);
    zone_close(&zones[0]);
    struct page *second = zone_alloc(MAX_ORDER);
    REQUIRE(first != NULL && second != NULL);
    CHECK_EQ(zone_count, 2);
    CHECK_EQ(first->zone, 0);
    CHECK_EQ(second->zone, 1);
    CHECK(page_zone(second) == &zones[1]);
    memset(page_mem(second), 1, MIB);
    check_zones();
    zone_free(second, MAX_ORDER);
    zone_free(first, 2);
    CHECK_EQ(zone_live_pages(), 0);
    check_zones();
}

TEST_CHILD(zone, the_first_zone_with_room_serves)
{
    REQUIRE(zone_init());
    struct page *first = zone_alloc(7);
    zone_close(&zones[0]);
    struct page *second = zone_alloc(7);
    REQUIRE(first != NULL && second != NULL && second->zone == 1);
    zone_free(first, 7);
    struct page *third = zone_alloc(7);
    REQUIRE(third != NULL);
    CHECK_EQ(third->zone, 0);
}

TEST_CHILD(zone, no_more_than_max_zones)
{
    REQUIRE(zone_init());
    zone_alloc(0);
    for (unsigned i = 0; i < MAX_ZONES + 2; i++) {
        zone_close(&zones[zone_count - 1]);
        while (alloc_run((size_t)1 << 7, 0) != NULL && zone_count < i + 2) {
        }
        if (zone_count < MAX_ZONES)
            zone_close(&zones[zone_count - 1]);
    }
    CHECK(zone_count <= MAX_ZONES);
    check_zones();
}

/* False where the kernel (or qemu) does not keep to it. */
static bool limit_addresses(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};
    struct rlimit now;

    return !is_sanitized && setrlimit(RLIMIT_AS, &limit) == 0 &&
           getrlimit(RLIMIT_AS, &now) == 0 && now.rlim_cur == bytes;
}

TEST_CHILD(zone, under_rlimit_as_zones_are_smaller_and_more)
{
    size_t blocks = 0;

    if (!limit_addresses((rlim_t)1 << 30))
        return;
    REQUIRE(zone_init());
    CHECK(zones[0].npages << PAGE_SHIFT <= GIB / 2);
    while (zone_alloc(10) != NULL)
        blocks++;
    CHECK(blocks << (10 + PAGE_SHIFT) >= GIB / 2);
    CHECK(zone_count > 1);
    check_zones();
}

TEST_CHILD(zone, under_a_tiny_rlimit_as_there_still_is_a_zone)
{
    if (!limit_addresses((rlim_t)64 << 20))
        return;
    REQUIRE(zone_init());
    CHECK(zone_alloc(4) != NULL);
    check_zones();
}

TEST_CHILD(zone, check_sees_a_wrong_dirty_count)
{
    REQUIRE(zone_init());
    zone_free(zone_alloc(3), 3);
    check_zones();
    zones[0].nr_dirty++;
    CHECK(zone_check(&zones[0]) != NULL);
}

TEST_CHILD(zone, locks_of_all_zones_are_taken_freed_and_reset)
{
    REQUIRE(zone_init());
    zone_close(&zones[0]);
    zone_alloc(0);
    CHECK_EQ(zone_count, 2);
    zones_lock();
    CHECK(lock_is_mine(&zones[0].lock) && lock_is_mine(&zones[1].lock));
    zones_unlock();
    CHECK(!lock_is_mine(&zones[0].lock) && !lock_is_mine(&zones[1].lock));
    zones_lock();
    zones_reset(lock_reset);
    CHECK(zone_alloc(0) != NULL);
}

enum { THREADS = 4, SLOTS = 24 };

static void *churn(void *arg)
{
    struct {
        struct page *page;
        size_t npages;
    } slots[SLOTS] = {{NULL, 0}};
    uint64_t seed = (uintptr_t)arg;

    for (int step = 0; step < 3000; step++) {
        size_t i = random_from(&seed) % SLOTS;
        if (slots[i].page != NULL) {
            size_t *word = page_mem(slots[i].page);
            CHECK(*word == (uintptr_t)arg);
            zone_free_run(slots[i].page, slots[i].npages);
            slots[i].page = NULL;
            continue;
        }
        slots[i].npages = 1 + random_from(&seed) % 60;
        slots[i].page = alloc_run(slots[i].npages, 0);
        if (slots[i].page != NULL)
            *(size_t *)page_mem(slots[i].page) = (uintptr_t)arg;
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].page != NULL)
            zone_free_run(slots[i].page, slots[i].npages);
    }
    return NULL;
}

TEST_CHILD(zone, threads_never_share_a_page)
{
    pthread_t threads[THREADS];

    REQUIRE(zone_init());
    for (uintptr_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    for (int i = 0; i < 20; i++)
        reclaim_all(0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(zone_live_pages(), 0);
    check_zones();
}
