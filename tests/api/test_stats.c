/* SPDX-License-Identifier: MIT */
/* liballoc_stats_*, liballoc_tunable_*. */
#include "black_box.h"
#include "liballoc.h"
#include "test.h"

#include <malloc.h>

static struct liballoc_stats stats_now(void)
{
    struct liballoc_stats stats;
    memset(&stats, 0xff, sizeof(stats));
    CHECK_EQ(liballoc_stats_get(&stats, sizeof(stats)), 0);
    return stats;
}

TEST(stats, live_tracks_allocations)
{
    static const size_t shapes[][2] = {{40, 50000},   {1000, 5000},
                                       {5000, 2000},  {100 * 1024, 100},
                                       {1 << 20, 20}, {32 << 20, 3}};
    static void *mem[50000];
    for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        size_t size = shapes[i][0];
        size_t n = shapes[i][1];
        struct liballoc_stats before = stats_now();
        for (size_t j = 0; j < n; j++) {
            mem[j] = launder(malloc(size));
        }
        struct liballoc_stats during = stats_now();
        for (size_t j = 0; j < n; j++) {
            free(mem[j]);
        }
        struct liballoc_stats after = stats_now();
        uint64_t sum = during.live - before.live;
        if (sum < size * n || sum > size * n + size * n / 3 + 4096) {
            TEST_FAILED("%zu of %zu counted as %ju", n, size, (uintmax_t)sum);
        }
        /* A chunk may be 16 bytes larger than its class; in a bin it counts as
           its class, so the sum is not exact to the byte. */
        uint64_t drift = after.live > before.live ? after.live - before.live
                                                  : before.live - after.live;
        if (drift > 4096 || during.committed < during.live) {
            TEST_FAILED("%zu of %zu: live %ju, %ju, %ju; committed %ju", n,
                        size, (uintmax_t)before.live, (uintmax_t)during.live,
                        (uintmax_t)after.live, (uintmax_t)during.committed);
        }
    }
}

TEST(stats, parts_fit_in_what_is_committed)
{
    void *huge = launder(malloc(64 * MIB));
    struct liballoc_stats now = stats_now();
    CHECK(now.mmapped >= 64 * MIB);
    CHECK(now.mmapped_chunks >= 1);
    CHECK(now.heaps >= 1);
    CHECK(now.heaps_idle <= now.heaps);
    CHECK(now.os_calls >= 1);
    CHECK(now.metadata > 0);
    CHECK(now.live + now.cached + now.slab_free + now.chunk_free <=
          now.committed + now.metadata);
    free(huge);
    CHECK(stats_now().mmapped <= now.mmapped - 64 * MIB);
}

TEST(stats, purged_grows_by_malloc_trim)
{
    void *mem[200];
    for (int i = 0; i < 200; i++) {
        mem[i] = launder(malloc(200 * KIB));
        memset(mem[i], 1, 200 * KIB);
    }
    for (int i = 0; i < 200; i++) {
        free(mem[i]);
    }
    uint64_t before = stats_now().purged;
    CHECK_EQ(malloc_trim(0), 1);
    CHECK(stats_now().purged > before);
}

TEST(stats, a_short_structure_is_filled_as_far_as_it_goes)
{
    struct liballoc_stats stats;
    memset(&stats, 0x77, sizeof(stats));
    CHECK_EQ(liballoc_stats_get(&stats, 16), 0);
    CHECK(stats.live != 0x7777777777777777);
    CHECK_EQ(stats.slab_free, 0x7777777777777777);
    errno = 0;
    CHECK_EQ(liballoc_stats_get(NULL, sizeof(stats)), -1);
    CHECK_EQ(errno, EINVAL);
}

TEST(stats, json_is_cut_as_snprintf_does)
{
    static char text[65536];
    int need = liballoc_stats_json(text, sizeof(text));
    REQUIRE(need > 0 && need < (int)sizeof(text));
    CHECK_EQ(need, strlen(text));
    CHECK(text[0] == '{');
    CHECK(strchr(text, '}') != NULL);
    static const char *const keys[] = {
        "\"live\"",      "\"cached\"",     "\"slab_free\"",  "\"chunk_free\"",
        "\"page_free\"", "\"page_clean\"", "\"mmapped\"",    "\"metadata\"",
        "\"committed\"", "\"heaps\"",      "\"heaps_idle\"", "\"slabs\"",
        "\"purged\"",    "\"os_calls\"",
    };
    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strstr(text, keys[i]) == NULL) {
            TEST_FAILED("no %s in %s", keys[i], text);
        }
    }
    char cut[16];
    memset(cut, 'x', sizeof(cut));
    need = liballoc_stats_json(cut, 10);
    CHECK(need > 10);
    CHECK_EQ(cut[9], '\0');
    CHECK_EQ(cut[10], 'x');
    CHECK(memcmp(cut, text, 9) == 0);
    CHECK(liballoc_stats_json(NULL, 0) > 10);
}

TEST(tunable, unknown_names_are_enoent)
{
    uint64_t value = 77;
    static const char *const bad[] = {"", "nothing", "mmap_threshold ",
                                      "mmap_thresh", "MMAP_THRESHOLD"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        CHECK_EQ(liballoc_tunable_get(bad[i], &value), -1);
        CHECK_EQ(errno, ENOENT);
        errno = 0;
        CHECK_EQ(liballoc_tunable_set(bad[i], 1), -1);
        CHECK_EQ(errno, ENOENT);
    }
    CHECK_EQ(value, 77);
}

TEST(tunable, a_value_set_reads_back)
{
    uint64_t was = 0;
    uint64_t now = 0;
    CHECK_EQ(liballoc_tunable_get("mmap_threshold", &was), 0);
    CHECK_EQ(liballoc_tunable_set("mmap_threshold", 8 * MIB), 0);
    CHECK_EQ(liballoc_tunable_get("mmap_threshold", &now), 0);
    CHECK_EQ(now, 8 * MIB);
    CHECK_EQ(liballoc_tunable_set("mmap_threshold", was), 0);
}

TEST(tunable, a_value_out_of_range_is_erange_and_changes_nothing)
{
    uint64_t was = 0;
    uint64_t now = 0;
    CHECK_EQ(liballoc_tunable_get("mmap_threshold", &was), 0);
    errno = 0;
    CHECK_EQ(liballoc_tunable_set("mmap_threshold", 0), -1);
    CHECK_EQ(errno, ERANGE);
    CHECK_EQ(liballoc_tunable_get("mmap_threshold", &now), 0);
    CHECK_EQ(now, was);
}

TEST(tunable, what_shapes_the_heap_is_eperm_at_run_time)
{
    uint64_t was = 0;
    CHECK_EQ(liballoc_tunable_get("slab_max", &was), 0);
    CHECK_EQ(was == 0, is_classic());
    errno = 0;
    CHECK_EQ(liballoc_tunable_set("slab_max", 512), -1);
    CHECK_EQ(errno, EPERM);
}
