/* SPDX-License-Identifier: MIT */
#include "unit_page.h"

#include "base/lock.h"
#include "base/tunables.h"
#include "os/os_mem.h"
#include "page/purge.h"
#include "page/reclaim.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START = 100000 }; /* ms */

/* `npages` pages, written to and freed. */
static void make_dirty(size_t npages)
{
    bool fresh;
    struct page *page = zone_alloc_run(npages, 0, &fresh);

    REQUIRE(page != NULL);
    memset(page_mem(page), 1, npages << PAGE_SHIFT);
    zone_free_run(page, npages);
}

static void forget_peak(void)
{
    zones[0].policy.peak = 0;
    zones[0].policy.last_peak = 0;
}

/* Else arenas would sit on a peak's memory while slabs grow. */
TEST_CHILD(reclaim, fresh_memory_makes_arenas_look_at_what_they_keep)
{
    REQUIRE(zone_init());
    REQUIRE(zone_alloc(0) != NULL);
    reclaim_tick(START);
    CHECK(!reclaim_is_due(START)); /* no arena keeps any */
    reclaim_note_outside(0, 8 * MIB);
    REQUIRE(zones[0].buddy.nr_free > 0);
    while (zones[0].buddy.nr_free > 0)
        zone_alloc(0);
    CHECK(!reclaim_is_due(START)); /* nothing was fresh */
    REQUIRE(zone_alloc(0) != NULL);
    CHECK(reclaim_is_due(START));
}

TEST_CHILD(reclaim, all_gives_back_what_is_free_and_keeps_what_is_live)
{
    enum { RUNS = 16, LENGTH = 8 };
    struct page *runs[RUNS];
    bool fresh;

    REQUIRE(zone_init());
    for (int i = 0; i < RUNS; i++) {
        runs[i] = zone_alloc_run(LENGTH, 0, &fresh);
        REQUIRE(runs[i] != NULL);
        memset(page_mem(runs[i]), i + 1, LENGTH << PAGE_SHIFT);
    }
    for (int i = 0; i < RUNS; i += 2)
        zone_free_run(runs[i], LENGTH);
    size_t freed = (size_t)RUNS / 2 * LENGTH << PAGE_SHIFT;
    CHECK_EQ(reclaim_all(0), freed);
    CHECK_EQ(reclaim_total(), freed);
    for (int i = 0; i < RUNS; i++) {
        void *mem = page_mem(runs[i]);
        CHECK_EQ(resident_pages(mem, LENGTH << PAGE_SHIFT),
                 i % 2 == 0 ? 0 : (LENGTH << PAGE_SHIFT) / os_page_size());
        CHECK(is_filled(mem, i % 2 == 0 ? 0 : i + 1, LENGTH << PAGE_SHIFT));
    }
    CHECK_EQ(reclaim_all(0), 0);
    check_zones();
}

/*
 * Runs whose descriptors are each touched, freed one by one, `dirty` or known
 * clean; system pages that the descriptors then hold.
 */
static size_t descriptors_left(bool dirty)
{
    enum { RUNS = 64, LENGTH = 32 };
    struct page *runs[RUNS];
    bool fresh;

    for (int i = 0; i < RUNS; i++)
        runs[i] = zone_alloc_run(LENGTH, 0, &fresh);
    for (int i = 0; i < RUNS; i++) {
        zone_free_purged_run(runs[i], LENGTH, 0, dirty ? 0 : LENGTH);
        if (i % 2 == 0) /* what was purged alone merges later */
            purge_to(&zones[0], 0, 0, SIZE_MAX);
    }
    purge_to(&zones[0], 0, 0, SIZE_MAX);
    if (!dirty) /* nothing was purged that merged */
        reclaim_all(0);
    check_zones();
    uintptr_t start = round_down((uintptr_t)runs[0], os_page_size());
    uintptr_t end =
        round_up((uintptr_t)(runs[RUNS - 1] + LENGTH), os_page_size());
    CHECK(end - start >= (size_t)RUNS * LENGTH * sizeof(struct page));
    return resident_pages((void *)start, end - start);
}

/* Only the first descriptor of a block says anything; few blocks are left. */
TEST_CHILD(reclaim, all_gives_descriptors_of_merged_blocks_back)
{
    REQUIRE(zone_init());
    CHECK(descriptors_left(true) <= 10);
    CHECK(descriptors_left(false) <= 10);
}

TEST_CHILD(reclaim, all_keeps_what_it_is_told_to_keep)
{
    bool fresh;
    struct page *runs[32];

    REQUIRE(zone_init());
    for (int i = 0; i < 32; i++)
        runs[i] = zone_alloc_run(4, 0, &fresh);
    /* Every other one: blocks that do not merge. */
    for (int i = 0; i < 32; i += 2)
        zone_free_run(runs[i], 4);
    CHECK_EQ(reclaim_all((size_t)20 << PAGE_SHIFT), (size_t)(64 - 20)
                                                        << PAGE_SHIFT);
    CHECK_EQ(zones[0].nr_dirty, 20);
    check_zones();
}

TEST_CHILD(reclaim, what_was_given_back_on_demand_teaches_no_slack)
{
    uint64_t now = 1000000;

    REQUIRE(zone_init());
    for (int i = 0; i < 100; i++) {
        make_dirty(512);
        reclaim_tick(now++);
        CHECK_EQ(reclaim_all(0), (size_t)512 << PAGE_SHIFT);
    }
    CHECK_EQ(zones[0].policy.slack, 0);
}

TEST_CHILD(reclaim, a_refused_purge_changes_nothing)
{
    REQUIRE(zone_init());
    make_dirty(64);
    fault(OS_MADVISE, 1, true);
    CHECK_EQ(reclaim_all(0), 0);
    CHECK_EQ(zones[0].nr_dirty, 64);
    check_zones();
    fault_none();
    CHECK_EQ(reclaim_all(0), (size_t)64 << PAGE_SHIFT);
    check_zones();
}

TEST_CHILD(reclaim, tick_applies_the_watermarks)
{
    uint64_t now = 1000000;
    size_t high = tunables.dirty_min >> PAGE_SHIFT;

    REQUIRE(zone_init());
    reclaim_tick(now); /* opens the window */
    make_dirty(high);
    CHECK(!reclaim_is_due(now));
    reclaim_tick(now);
    CHECK_EQ(zones[0].nr_dirty, high);
    make_dirty(2 * high);
    CHECK(!reclaim_is_due(now)); /* it was live a moment ago */
    forget_peak();
    make_dirty(4);
    CHECK(reclaim_is_due(now));
    reclaim_tick(now);
    CHECK(zones[0].nr_dirty <= high / 2 + 4);
    CHECK(zones[0].nr_dirty >= high / 2);
    CHECK(!reclaim_is_due(now));
    check_zones();
}

TEST_CHILD(reclaim, tick_gives_idle_pages_back_after_the_delay)
{
    uint64_t now = 1000000;
    size_t high = tunables.dirty_min >> PAGE_SHIFT;

    REQUIRE(zone_init());
    make_dirty(high);
    reclaim_tick(now);
    now += tunables.purge_delay;
    CHECK(reclaim_is_due(now));
    reclaim_tick(now);
    now += tunables.purge_delay;
    reclaim_tick(now);
    CHECK(zones[0].nr_dirty <= high / 2);
    check_zones();
}

TEST_CHILD(reclaim, live_pages_raise_the_high_watermark)
{
    bool fresh;
    uint64_t now = 1000000;
    size_t high = tunables.dirty_min >> PAGE_SHIFT;
    size_t part = tunables.dirty_ratio;

    REQUIRE(zone_init());
    reclaim_tick(now);
    for (size_t i = 0; i < 3 * part; i++)
        CHECK(zone_alloc_run(high, 0, &fresh) != NULL);
    make_dirty(high + high / 2);
    CHECK(!reclaim_is_due(now));
    reclaim_tick(now);
    CHECK_EQ(zones[0].nr_dirty, high + high / 2);
}

TEST_CHILD(reclaim, a_range_loses_only_whole_system_pages)
{
    size_t page = os_page_size();

    REQUIRE(zone_init());
    char *mem = page_mem(zone_alloc(4));
    memset(mem, 1, 8 * page);
    uintptr_t at = (uintptr_t)mem;
    CHECK(!reclaim_range(at + 1, at + page - 1));
    CHECK(!reclaim_range(at + 1, at + 2 * page - 1));
    CHECK(is_filled(mem, 1, 8 * page));
    CHECK(reclaim_range(at + 1, at + 3 * page + 1));
    CHECK(is_filled(mem, 1, page));
    CHECK(is_filled(mem + page, 0, 2 * page));
    CHECK(is_filled(mem + 3 * page, 1, 5 * page));
    CHECK_EQ(reclaim_total(), 2 * page);
}

static void *churn(void *arg)
{
    unsigned char mark = (unsigned char)(uintptr_t)arg;
    bool fresh;

    for (size_t i = 0; i < 1500; i++) {
        size_t npages = 1 + i % 40;
        struct page *page = zone_alloc_run(npages, 0, &fresh);
        if (page == NULL)
            continue;
        unsigned char *mem = page_mem(page);
        for (size_t n = 0; n < npages; n++) {
            CHECK(!fresh || mem[n << PAGE_SHIFT] == 0);
            mem[n << PAGE_SHIFT] = mark;
        }
        for (size_t n = 0; n < npages; n++)
            CHECK_EQ(mem[n << PAGE_SHIFT], mark);
        zone_free_run(page, npages);
    }
    return NULL;
}

TEST_CHILD(reclaim, purging_never_hits_a_page_in_use)
{
    pthread_t threads[2];

    REQUIRE(zone_init());
    for (uintptr_t i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    for (int i = 0; i < 300; i++)
        reclaim_all(0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    check_zones();
    CHECK_EQ(zone_live_pages(), 0);
}

/* Atomic: the thread below has pages; it shall end. */
static _Atomic bool has_pages;
static _Atomic bool is_over;

static void *purge_again_and_again(void *arg)
{
    /* stale ok: a flag */
    while (!load_relaxed(&is_over)) {
        /* release: the pages are taken after it; pairs with fork_in_between */
        store_release(&has_pages, true);
        make_dirty(256);
        /* release: all pages are free; pairs with the load in the child */
        store_release(&has_pages, false);
        reclaim_all(0);
    }
    return arg;
}

/*
 * A child while pages may be on their way back: none may be missing in it.
 * What wait() says of it; -1 = there was none.
 */
static int fork_in_between(void)
{
    int status = -1;

    zones_lock();
    pid_t child = fork();
    if (child == 0) {
        zones_reset(lock_reset);
        /* acquire: pairs with the releases of the other thread */
        if (!load_acquire(&has_pages) && zone_live_pages() != 0)
            _exit(1);
        _exit(zone_check(&zones[0]) == NULL ? 0 : 2);
    }
    zones_unlock();
    if (child > 0 && waitpid(child, &status, 0) != child)
        status = -1;
    return status;
}

TEST_CHILD(reclaim, a_fork_amid_a_purge_loses_no_pages)
{
    pthread_t thread;
    uint64_t until = os_time_ms() + 10000; /* a fork in qemu takes 150 ms */

    REQUIRE(zone_init());
    REQUIRE(pthread_create(&thread, NULL, purge_again_and_again, NULL) == 0);
    for (int i = 0; i < 300 && os_time_ms() < until; i++)
        CHECK_EQ(fork_in_between(), 0);
    /* stale ok: a flag */
    store_relaxed(&is_over, true);
    pthread_join(thread, NULL);
    CHECK_EQ(zone_live_pages(), 0);
}
