/* SPDX-License-Identifier: MIT */
#include "unit_page.h"

#include "arena/chunk.h"
#include "arena/mmap_chunk.h"
#include "arena/mmap_kept.h"
#include "base/tunables.h"
#include "page/reclaim.h"

#include <pthread.h>

static void *alloc(size_t size, size_t align)
{
    bool fresh = false;
    void *mem = mmap_chunk_alloc(size, align, &fresh);

    REQUIRE(mem != NULL);
    CHECK(mmap_chunk_size(mem) >= size);
    CHECK_EQ((uintptr_t)mem % align, 0);
    CHECK(chunk_is_valid(mem_to_chunk(mem)));
    CHECK(chunk_is_mmapped(mem_to_chunk(mem)));
    return mem;
}

static void start(void)
{
    chunk_secret = 0x9e3779b97f4a7c15u;
}

TEST_CHILD(mmap_chunk, memory_is_fresh_zeroed_and_writable)
{
    bool fresh = false;

    start();
    unsigned char *mem = mmap_chunk_alloc(5 * MIB + 123, 16, &fresh);
    REQUIRE(mem != NULL);
    CHECK(fresh);
    size_t usable = mmap_chunk_size(mem);
    CHECK(is_filled(mem, 0, usable));
    memset(mem, 1, usable);
    CHECK_EQ(mmap_table.nr_live, 1);
    CHECK(mmap_chunk_free(mem));
    CHECK_EQ(mmap_table.nr_live, 0);
}

/* The end of the block must lie in the mapping, whatever the alignment. */
TEST_CHILD(mmap_chunk, every_size_and_alignment_is_usable_to_the_end)
{
    start();
    tunables.mmap_cache = 0;
    for (size_t align = 16; align <= 4 * MIB; align *= 2) {
        for (size_t tail = 0; tail < 4200; tail += 8) {
            unsigned char *mem = alloc(300000 + tail, align);
            CHECK_EQ(chunk_usable(chunk_size(mem_to_chunk(mem))) + 8,
                     mmap_chunk_size(mem) + CHUNK_HEADER);
            mem[0] = 1;
            mem[300000 + tail - 1] = 1;
            CHECK(mmap_chunk_free(mem));
        }
    }
    CHECK_EQ(mmap_table.live_bytes, 0);
}

TEST_CHILD(mmap_chunk, an_alignment_wastes_no_address_space_beyond_its_pages)
{
    start();
    for (size_t align = 16; align <= 64 * MIB; align *= 4) {
        alloc(MIB, align);
        CHECK(mmap_table.live_bytes <=
              mmap_table.nr_live * (MIB + 2 * os_page_size()));
    }
}

TEST_CHILD(mmap_chunk, only_the_start_of_a_live_chunk_is_one)
{
    start();
    char *mem = alloc(MIB, 16);
    CHECK_EQ(mmap_chunk_size(mem + 16), 0);
    CHECK_EQ(mmap_chunk_size(mem - 16), 0);
    CHECK_EQ(mmap_chunk_size(NULL), 0);
    CHECK(!mmap_chunk_free(mem + 16));
    CHECK(mmap_chunk_resize(mem + 16, MIB) == NULL);
    CHECK(mmap_chunk_free(mem));
    CHECK_EQ(mmap_chunk_size(mem), 0);
    CHECK(!mmap_chunk_free(mem));
    CHECK(mmap_chunk_resize(mem, MIB) == NULL);
}

TEST_CHILD(mmap_chunk, a_freed_mapping_is_kept_and_reused)
{
    bool fresh = true;

    start();
    char *mem = alloc(MIB, 16);
    memset(mem, 1, MIB);
    CHECK(mmap_chunk_free(mem));
    CHECK_EQ(mmap_table.nr_kept, 1);
    size_t maps = os_call_count(OS_MMAP);
    CHECK(mmap_chunk_alloc(MIB, 16, &fresh) == mem);
    CHECK(!fresh);
    CHECK_EQ(os_call_count(OS_MMAP), maps);
    CHECK_EQ(mmap_table.nr_kept, 0);
    CHECK_EQ(mmap_table.kept_bytes, 0);
}

TEST_CHILD(mmap_chunk, a_kept_mapping_must_not_be_much_too_large)
{
    start();
    char *mem = alloc(2 * (size_t)MIB, 16);
    CHECK(mmap_chunk_free(mem));
    CHECK(alloc(MIB, 16) != mem);
    CHECK(alloc(3 * (size_t)MIB, 16) != mem);
    CHECK_EQ(mmap_table.nr_kept, 1);
    CHECK(alloc(2 * MIB - 2 * os_page_size(), 16) == mem);
}

TEST_CHILD(mmap_chunk, the_tightest_kept_mapping_is_taken)
{
    start();
    char *large = alloc(MIB + 96 * KIB, 16);
    char *small = alloc(MIB + 32 * KIB, 16);
    CHECK(mmap_chunk_free(large) && mmap_chunk_free(small));
    CHECK(alloc(MIB, 16) == small);
    CHECK(alloc(MIB, 16) == large);
}

TEST_CHILD(mmap_chunk, without_a_cache_a_free_unmaps)
{
    start();
    tunables.mmap_cache = 0;
    char *mem = alloc(MIB, 16);
    size_t unmaps = os_call_count(OS_MUNMAP);
    CHECK(mmap_chunk_free(mem));
    CHECK_EQ(os_call_count(OS_MUNMAP), unmaps + 1);
    CHECK_EQ(mmap_table.nr_kept, 0);
}

TEST_CHILD(mmap_chunk, the_cache_holds_no_more_than_it_may)
{
    void *chunks[32];

    start();
    tunables.mmap_cache = 8 * MIB;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 32; i++)
            chunks[i] = alloc((1 + i % 4) * MIB, 16);
        for (int i = 0; i < 32; i++)
            CHECK(mmap_chunk_free(chunks[i]));
        CHECK(mmap_table.nr_kept <= MMAP_KEPT);
        if (mmap_table.kept_bytes > 8 * MIB)
            TEST_FAILED("%zu KiB kept in round %d", mmap_table.kept_bytes >> 10,
                        round);
    }
}

TEST_CHILD(mmap_chunk, tick_lets_idle_mappings_go)
{
    void *chunks[8];

    start();
    for (int i = 0; i < 8; i++)
        chunks[i] = alloc(4 * (size_t)MIB, 16);
    for (int i = 0; i < 8; i++)
        mmap_chunk_free(chunks[i]);
    uint64_t now = os_time_ms();
    for (int i = 1; i <= 20; i++)
        mmap_kept_tick(now + (uint64_t)i * 1000);
    CHECK(mmap_table.kept_bytes <= tunables.dirty_min);
}

TEST_CHILD(mmap_chunk, tick_lets_mappings_go_where_notes_come_late)
{
    start();
    void *mem = alloc(16 * (size_t)MIB, 16);
    mmap_chunk_free(mem);
    reclaim_note_outside(-(intptr_t)GIB, 0); /* live: less than none */
    uint64_t now = os_time_ms();
    for (int i = 1; i <= 20; i++)
        mmap_kept_tick(now + (uint64_t)i * 1000);
    CHECK_EQ(mmap_table.kept_bytes, 0);
}

TEST_CHILD(mmap_chunk, trims_on_demand_teach_no_slack)
{
    start();
    for (int i = 0; i < 100; i++) {
        mmap_chunk_free(alloc(16 * (size_t)MIB, 16));
        mmap_kept_trim();
    }
    mmap_chunk_free(alloc(16 * (size_t)MIB, 16));
    uint64_t now = os_time_ms();
    for (int i = 1; i <= 5; i++)
        mmap_kept_tick(now + (uint64_t)i * 1000);
    CHECK_EQ(mmap_table.kept_bytes, 0);
}

TEST_CHILD(mmap_chunk, trim_unmaps_all_that_is_kept)
{
    void *chunks[4];

    start();
    for (int i = 0; i < 4; i++)
        chunks[i] = alloc(MIB, 16);
    for (int i = 0; i < 4; i++)
        mmap_chunk_free(chunks[i]);
    size_t kept = mmap_table.kept_bytes;
    CHECK(kept > 0);
    CHECK_EQ(mmap_kept_trim(), kept);
    CHECK_EQ(mmap_table.kept_bytes, 0);
    CHECK_EQ(mmap_table.nr_kept, 0);
    CHECK_EQ(mmap_kept_trim(), 0);
}

TEST_CHILD(mmap_chunk, resize_keeps_the_contents)
{
    start();
    char *mem = alloc(MIB, 16);
    memset(mem, 3, MIB);
    char *more = mmap_chunk_resize(mem, 40 * (size_t)MIB);
    REQUIRE(more != NULL);
    CHECK(mmap_chunk_size(more) >= 40 * MIB);
    CHECK(is_filled(more, 3, MIB));
    memset(more, 4, 40 * (size_t)MIB);
    char *less = mmap_chunk_resize(more, 70000);
    REQUIRE(less != NULL);
    CHECK(mmap_chunk_size(less) >= 70000);
    CHECK(mmap_chunk_size(less) < 70000 + 2 * os_page_size());
    CHECK(is_filled(less, 4, 70000));
    CHECK(chunk_is_valid(mem_to_chunk(less)));
    CHECK_EQ(mmap_table.nr_live, 1);
    CHECK(mmap_chunk_free(less));
    CHECK_EQ(mmap_table.live_bytes, 0);
}

TEST_CHILD(mmap_chunk, resize_of_an_aligned_chunk_keeps_its_lead)
{
    start();
    char *mem = alloc(MIB, 1024);
    memset(mem, 3, MIB);
    mem = mmap_chunk_resize(mem, 9 * (size_t)MIB);
    REQUIRE(mem != NULL);
    CHECK_EQ((uintptr_t)mem % 1024, 0);
    CHECK(is_filled(mem, 3, MIB));
    CHECK(mmap_chunk_size(mem) >= 9 * MIB);
    mem[9 * MIB - 1] = 1;
    CHECK(mmap_chunk_free(mem));
}

TEST_CHILD(mmap_chunk, a_refused_mremap_changes_nothing)
{
    start();
    char *mem = alloc(MIB, 16);
    memset(mem, 3, MIB);
    size_t live = mmap_table.live_bytes;
    fault(OS_MREMAP, 1, true);
    CHECK(mmap_chunk_resize(mem, 40 * (size_t)MIB) == NULL);
    CHECK(mmap_chunk_resize(mem, 4096) == NULL);
    fault_none();
    CHECK(is_filled(mem, 3, MIB));
    CHECK_EQ(mmap_table.live_bytes, live);
    CHECK(mmap_chunk_size(mem) >= MIB);
    CHECK(mmap_chunk_free(mem));
}

TEST_CHILD(mmap_chunk, a_refused_munmap_gives_the_memory_back_at_least)
{
    start();
    tunables.mmap_cache = 0;
    char *mem = alloc(MIB, 16);
    memset(mem, 3, MIB);
    uintptr_t from = round_down((uintptr_t)mem, os_page_size());
    fault(OS_MUNMAP, 1, true);
    CHECK(mmap_chunk_free(mem));
    fault_none();
    CHECK_EQ(mmap_table.nr_live, 0);
    CHECK_EQ(resident_pages((void *)from, MIB), 0);
}

TEST_CHILD(mmap_chunk, refused_munmaps_of_the_surplus_are_put_up_with)
{
    start();
    for (size_t n = 1; n <= 2; n++) {
        fault(OS_MUNMAP, n, false);
        char *mem = alloc(MIB, 256 * (size_t)KIB);
        fault_none();
        memset(mem, 1, MIB);
        mem = mmap_chunk_resize(mem, 2 * (size_t)MIB);
        REQUIRE(mem != NULL);
        CHECK(is_filled(mem, 1, MIB));
        memset(mem, 2, 2 * (size_t)MIB);
        CHECK(mmap_chunk_free(mem));
    }
}

TEST_CHILD(mmap_chunk, no_memory_is_null_and_leaves_no_trace)
{
    bool fresh;

    start();
    for (size_t n = 1; n <= 3; n++) {
        fault(OS_MMAP, n, true);
        CHECK(mmap_chunk_alloc(MIB, 16, &fresh) == NULL || n > 2);
        fault_none();
    }
    CHECK(mmap_chunk_alloc((size_t)PTRDIFF_MAX + 1, 16, &fresh) == NULL);
    CHECK(mmap_chunk_alloc(PTRDIFF_MAX, 16, &fresh) == NULL);
    CHECK(mmap_chunk_alloc(PTRDIFF_MAX - 5000, 16, &fresh) == NULL);
    CHECK(mmap_chunk_alloc(MIB, (size_t)1 << 62, &fresh) == NULL);
    CHECK(mmap_chunk_alloc((size_t)1 << 46, 16, &fresh) == NULL);
    mmap_chunk_free(alloc(MIB, 16));
}

TEST_CHILD(mmap_chunk, resize_beyond_ptrdiff_max_is_refused)
{
    start();
    char *mem = alloc(MIB, 16);
    CHECK(mmap_chunk_resize(mem, (size_t)PTRDIFF_MAX + 1) == NULL);
    CHECK(mmap_chunk_resize(mem, PTRDIFF_MAX) == NULL);
    CHECK(mmap_chunk_resize(mem, SIZE_MAX) == NULL);
    CHECK(mmap_chunk_free(mem));
}

TEST_CHILD(mmap_chunk, the_threshold_follows_what_is_freed)
{
    start();
    size_t before = tunables.mmap_threshold;
    CHECK(mmap_chunk_wanted(before) && !mmap_chunk_wanted(before - 1));
    mmap_chunk_free(alloc(before + before / 2, 16));
    CHECK(tunables.mmap_threshold >= before + before / 2);
    CHECK(!mmap_chunk_wanted(before + before / 2));
    CHECK(tunables.trim_threshold >= 2 * tunables.mmap_threshold);
    size_t now = tunables.mmap_threshold;
    mmap_chunk_free(alloc(40 * (size_t)MIB, 16)); /* too large to follow */
    CHECK_EQ(tunables.mmap_threshold, now);
}

TEST_CHILD(mmap_chunk, a_fixed_threshold_follows_nothing)
{
    start();
    size_t before = tunables.mmap_threshold;
    mmap_threshold_fix();
    mmap_chunk_free(alloc(2 * before, 16));
    CHECK_EQ(tunables.mmap_threshold, before);
}

TEST_CHILD(mmap_chunk, no_more_than_mmap_max_are_wanted)
{
    start();
    tunables.mmap_max = 2;
    CHECK(mmap_chunk_wanted(GIB));
    void *mem = alloc(MIB, 16);
    alloc(MIB, 16);
    CHECK(!mmap_chunk_wanted(GIB));
    mmap_chunk_free(mem);
    CHECK(mmap_chunk_wanted(GIB));
    tunables.mmap_max = 0;
    CHECK(!mmap_chunk_wanted(GIB));
}

TEST_DIES(mmap_chunk, an_overwritten_header_is_fatal, "corrupted size")
{
    start();
    char *mem = alloc(MIB, 16);
    memset(mem - 8, 0x41, 8);
    mmap_chunk_free(mem);
}

enum { LIVE = 300 };

TEST_CHILD(mmap_chunk, random_chunks_keep_their_contents)
{
    static struct {
        unsigned char *mem;
        size_t size;
    } live[LIVE];

    start();
    for (int step = 0; step < 4000; step++) {
        size_t i = random_below(LIVE);
        size_t size = 4096 + random_below(200000);
        unsigned char *mem = live[i].mem;
        if (mem == NULL) {
            mem = alloc(size, (size_t)16 << random_below(10));
        } else {
            CHECK(mem[0] == (unsigned char)i &&
                  mem[live[i].size - 1] == (unsigned char)i);
            if (random_below(2) == 0) {
                CHECK(mmap_chunk_free(mem));
                live[i].mem = NULL;
                continue;
            }
            mem = mmap_chunk_resize(mem, size);
            REQUIRE(mem != NULL && mem[0] == (unsigned char)i);
        }
        live[i].mem = mem;
        live[i].size = mmap_chunk_size(mem);
        CHECK(live[i].size >= size);
        mem[0] = mem[live[i].size - 1] = (unsigned char)i;
    }
    for (int i = 0; i < LIVE; i++)
        CHECK(live[i].mem == NULL || mmap_chunk_free(live[i].mem));
    CHECK_EQ(mmap_table.nr_live, 0);
    CHECK_EQ(mmap_table.live_bytes, 0);
}

static void *churn(void *arg)
{
    for (size_t i = 0; i < 400; i++) {
        bool fresh;
        unsigned char *mem = mmap_chunk_alloc(70000 + i * 64, 16, &fresh);
        if (mem == NULL)
            continue;
        mem[0] = mem[69999] = (unsigned char)(uintptr_t)arg;
        mem = mmap_chunk_resize(mem, 140000);
        CHECK(mem != NULL && mem[0] == (unsigned char)(uintptr_t)arg);
        CHECK(mem != NULL && mem[69999] == (unsigned char)(uintptr_t)arg);
        CHECK(mmap_chunk_free(mem));
    }
    return NULL;
}

TEST_CHILD(mmap_chunk, threads_never_share_a_mapping)
{
    pthread_t threads[3];

    start();
    for (uintptr_t i = 0; i < 3; i++)
        REQUIRE(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(mmap_table.nr_live, 0);
    CHECK_EQ(mmap_table.live_bytes, 0);
}
