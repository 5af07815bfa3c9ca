/* SPDX-License-Identifier: MIT */
#include "unit_harden.h"

enum { MANY = 500 };

static const size_t sizes[] = {0,    1,    15,   16,    100,   1000, 4000,
                               4088, 4096, 5000, 20000, 70000, MIB,  5 * MIB};

TEST_CHILD(harden, blocks_hold_their_size_and_are_cleared)
{
    unsigned char *live[ARRAY_SIZE(sizes)];

    harden_start_all();
    for (int round = 0; round < 40; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            live[i] = harden_get(sizes[i]);
            memset(live[i], (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            CHECK(is_filled(live[i], (int)i + 1, sizes[i]));
            harden_free(live[i]);
        }
    }
    check_zones();
}

TEST_CHILD(harden, aligned_blocks_hold_their_size)
{
    harden_start_all();
    for (size_t align = 32; align <= MIB; align *= 2) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            unsigned char *mem = harden_alloc_aligned(sizes[i], align);
            REQUIRE(mem != NULL);
            CHECK_EQ((uintptr_t)mem % align, 0);
            CHECK(harden_usable(mem) >= sizes[i]);
            memset(mem, 0x77, sizes[i]);
            harden_free(mem);
        }
    }
}

TEST_CHILD(harden, beyond_ptrdiff_max_there_is_nothing)
{
    bool fresh;

    harden_start_all();
    unsigned char *mem = harden_get(100);
    CHECK(harden_alloc((size_t)PTRDIFF_MAX, &fresh) == NULL);
    CHECK(harden_alloc_aligned((size_t)PTRDIFF_MAX, 64) == NULL);
    CHECK(harden_realloc(mem, (size_t)PTRDIFF_MAX) == NULL);
    CHECK(harden_alloc((size_t)PTRDIFF_MAX - 4096, &fresh) == NULL);
    CHECK(harden_alloc_aligned((size_t)PTRDIFF_MAX - 4096, 64) == NULL);
    CHECK(harden_realloc(mem, (size_t)PTRDIFF_MAX - 4096) == NULL);
    harden_free(mem);
}

TEST_CHILD(harden, realloc_keeps_the_contents)
{
    harden_start_all();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sizes); j++) {
            unsigned char *mem = harden_get(sizes[i]);
            memset(mem, 0x5c, sizes[i]);
            mem = harden_realloc(mem, sizes[j]);
            REQUIRE(mem != NULL);
            CHECK(is_filled(mem, 0x5c, min_size(sizes[i], sizes[j])));
            memset(mem, 0x5d, sizes[j]);
            harden_free(mem);
        }
    }
    check_zones();
}

TEST_CHILD(harden, realloc_without_memory_keeps_the_block)
{
    harden_start_all();
    unsigned char *mem = harden_get(5 * MIB);
    memset(mem, 0x5c, 5 * MIB);
    /* More than there are addresses: neither mremap() nor mmap() can. */
    CHECK(harden_realloc(mem, (size_t)1 << 47) == NULL);
    CHECK(is_filled(mem, 0x5c, 5 * MIB));
    harden_free(mem);
}

TEST_CHILD(harden, of_no_size_are_addresses_nobody_may_touch)
{
    harden_start_all();
    void *mem = harden_get(0);
    CHECK(zero_block_holds(mem));
    CHECK_EQ(harden_usable(mem), 0);
    unsigned char *moved = harden_realloc(mem, 10);
    REQUIRE(moved != NULL);
    CHECK(!zero_block_holds(moved));
    CHECK(is_filled(moved, 0, 10));
    harden_free(moved);
}

TEST_CHILD(harden, without_zero_blocks_no_size_is_one_byte)
{
    tunables.zero_free = 1;
    harden_start();
    unsigned char *mem = harden_get(0);
    CHECK(harden_usable(mem) >= 1);
    harden_free(mem);
}

/* Nothing wraps the blocks: all others are the heap's own. */
TEST_CHILD(harden, samples_alone_leave_the_other_blocks_as_they_are)
{
    unsigned char *live[MANY];
    unsigned guarded = 0;

    tunables.guard_sample = 10;
    harden_start();
    CHECK(harden_active && !harden_wraps && !harden_sizes);
    for (size_t i = 0; i < MANY; i++) {
        live[i] = i % 2 == 0 ? harden_get(100) : harden_alloc_aligned(100, 64);
        REQUIRE(live[i] != NULL);
        guarded += guarded_holds(live[i]);
        memset(live[i], 0x42, 100);
        live[i] = harden_realloc(live[i], 200);
        REQUIRE(live[i] != NULL);
        CHECK(harden_usable(live[i]) >= 200);
        CHECK(is_filled(live[i], 0x42, 100));
    }
    CHECK(guarded > 0);
    for (size_t i = 0; i < MANY; i++)
        harden_free(live[i]);
}

TEST_CHILD(harden, off_means_off)
{
    harden_start();
    CHECK(!harden_active && !harden_wraps && !harden_sizes);
    CHECK_EQ(link_secret, 0);
    CHECK(!slab_zeroes);
    harden_trim();
}

TEST_CHILD(harden, a_threshold_that_was_set_stays)
{
    mmap_threshold_fix();
    tunables.mmap_threshold = 123456;
    tunables.guard_pages = 1;
    harden_start();
    CHECK_EQ(tunables.mmap_threshold, 123456);
}

TEST_CHILD(harden, new_objects_come_in_random_order_each_once)
{
    unsigned char *live[MANY];
    unsigned in_order = 0;

    tunables.safe_links = 1;
    harden_start();
    for (size_t i = 0; i < MANY; i++) {
        live[i] = harden_get(64);
        memset(live[i], (int)i, 64);
        in_order += i > 0 && live[i] == live[i - 1] + 64;
    }
    CHECK(in_order < MANY / 4);
    for (size_t i = 0; i < MANY; i++)
        CHECK(is_filled(live[i], (int)i, 64));
}

TEST_CHILD(harden, a_freed_block_is_not_reused_at_once)
{
    harden_start_all();
    unsigned char *mem = harden_get(100);
    harden_free(mem);
    REQUIRE(thread_own->quarantine != NULL);
    CHECK_EQ(thread_own->quarantine->count, 1);
    for (int i = 0; i < MANY; i++)
        CHECK(harden_get(100) != mem);
}

TEST_CHILD(harden, trim_empties_the_quarantine)
{
    harden_start_all();
    harden_trim();
    for (int i = 0; i < 50; i++)
        harden_free(harden_get(100));
    REQUIRE(thread_own->quarantine != NULL);
    CHECK(thread_own->quarantine->count > 0);
    harden_trim();
    CHECK_EQ(thread_own->quarantine->count, 0);
    CHECK_EQ(thread_own->quarantine->bytes, 0);
    harden_trim();
}

TEST_CHILD(harden, a_large_block_does_not_wait)
{
    harden_start_all();
    harden_free(harden_get(20000));
    CHECK(thread_own->quarantine == NULL);
}

static void *free_all(void *arg)
{
    unsigned char **live = arg;

    for (size_t i = 0; i < MANY; i++) {
        harden_free(live[i]);
        if (i % 50 == 0)
            CHECK(harden_get(10) != NULL); /* a heap of its own */
    }
    harden_trim();
    return NULL;
}

TEST_CHILD(harden, blocks_of_other_threads_go_home)
{
    static unsigned char *live[MANY];

    harden_start_all();
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < MANY; i++) {
            live[i] = harden_get(i % 5 == 0 ? 8000 : 100);
            memset(live[i], 0x33, 100);
        }
        run_thread(free_all, live);
    }
    for (int i = 0; i < 4 * MANY; i++)
        harden_get(100);
    check_zones();
}

static void *free_one(void *arg)
{
    harden_free(arg);
    return NULL;
}

TEST_CHILD(harden, a_thread_without_a_heap_may_free)
{
    harden_start_all();
    for (int i = 0; i < 20; i++)
        run_thread(free_one, harden_get(i % 2 == 0 ? 100 : 5 * MIB));
}

TEST_CHILD(harden, sizes_that_fit_are_accepted)
{
    harden_start_all();
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        unsigned char *mem = harden_get(sizes[i]);
        harden_check_size(mem, sizes[i], 0);
        harden_free(mem);
        mem = harden_alloc_aligned(sizes[i], 64);
        REQUIRE(mem != NULL);
        harden_check_size(mem, sizes[i], 64);
        harden_free(mem);
    }
}

TEST_CHILD(harden, clean_memory_passes_at_any_bound)
{
    static _Alignas(16) unsigned char freed[1024];

    tunables.zero_free = 1;
    for (size_t most = 0; most <= 512; most += 8) {
        tunables.check_free = most;
        for (size_t usable = 16; usable <= sizeof(freed); usable += 8)
            check_unwritten(freed, usable);
    }
}

TEST_CHILD(harden, one_bit_anywhere_is_seen)
{
    static _Alignas(16) unsigned char freed[1024];

    for (size_t at = 0; at < sizeof(freed); at++) {
        freed[at] = 0x80;
        size_t word = at & ~(size_t)7;
        CHECK(!is_zero(freed, 0, sizeof(freed)));
        CHECK(!is_zero(freed, word, word + 8));
        CHECK(is_zero(freed, 0, word));
        CHECK(is_zero(freed, word + 8, sizeof(freed)));
        freed[at] = 0;
    }
    CHECK(is_zero(freed, 0, sizeof(freed)));
}

/* Little endian: the first byte in memory is the lowest. */
TEST_CHILD(harden, a_canary_is_of_its_address_and_never_ends_a_string)
{
    canary_secret = 0x9e3779b97f4a7c15u;
    for (size_t i = 1; i < MANY; i++) {
        CHECK((canary_word(16 * i, canary_secret) & 0xff) != 0);
        CHECK(canary_word(16 * i, canary_secret) !=
              canary_word(16 * i + 16, canary_secret));
    }
    CHECK_EQ(canary_bytes(), 0);
    tunables.canary = 1;
    CHECK_EQ(canary_bytes(), 8);
}
