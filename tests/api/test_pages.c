/* SPDX-License-Identifier: MIT */
/* liballoc_pages_*: the kernel's alloc_pages() family. */
#include "black_box.h"
#include "liballoc.h"
#include "test.h"

static bool is_zero(const unsigned char *mem, size_t size)
{
    return mem[0] == 0 && memcmp(mem, mem + 1, size - 1) == 0;
}

static size_t order_bytes(unsigned order)
{
    return LIBALLOC_PAGE_SIZE << order;
}

TEST(version, is_that_of_the_header)
{
    char text[32];
    snprintf(text, sizeof(text), "%d.%d.%d", LIBALLOC_VERSION_MAJOR,
             LIBALLOC_VERSION_MINOR, LIBALLOC_VERSION_PATCH);
    CHECK_STR(liballoc_version(), text);
}

TEST(pages, every_order_is_aligned_to_its_size)
{
    for (unsigned order = 0; order <= LIBALLOC_MAX_ORDER; order++) {
        unsigned char *mem = liballoc_pages_alloc(order, 0);
        REQUIRE(mem != NULL);
        CHECK_EQ((uintptr_t)mem % order_bytes(order), 0);
        mem[0] = mem[order_bytes(order) - 1] = 1;
        liballoc_pages_free(mem, order);
    }
}

TEST(pages, an_order_out_of_range_is_einval)
{
    static const unsigned bad[] = {
        LIBALLOC_MAX_ORDER + 1, 31, 32, 63, 64, UINT32_MAX};
    void *out[2];
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        CHECK_EQ(liballoc_pages_alloc(bad[i], 0), NULL);
        CHECK_EQ(errno, EINVAL);
        errno = 0;
        CHECK_EQ(liballoc_pages_zeroed(bad[i]), NULL);
        CHECK_EQ(errno, EINVAL);
        errno = 0;
        CHECK_EQ(liballoc_pages_alloc_bulk(bad[i], 0, 2, out), 0);
        CHECK_EQ(errno, EINVAL);
    }
}

TEST(pages, zeroed_ones_are_zero_even_when_recycled)
{
    for (unsigned order = 0; order <= 6; order++) {
        unsigned char *mem = liballoc_pages_alloc(order, 0);
        REQUIRE(mem != NULL);
        memset(mem, 0xee, order_bytes(order));
        liballoc_pages_free(mem, order);
        unsigned char *zero = liballoc_pages_zeroed(order);
        REQUIRE(zero != NULL);
        CHECK(is_zero(zero, order_bytes(order)));
        memset(zero, 0xee, order_bytes(order));
        liballoc_pages_free(zero, order);
        zero = liballoc_pages_alloc(order, LIBALLOC_ZERO);
        REQUIRE(zero != NULL);
        CHECK(is_zero(zero, order_bytes(order)));
        liballoc_pages_free(zero, order);
    }
}

TEST(pages, many_live_blocks_do_not_overlap)
{
    enum { N = 400 };
    uint64_t *mem[N];
    for (unsigned i = 0; i < N; i++) {
        unsigned order = i % 5;
        mem[i] = liballoc_pages_alloc(order, 0);
        REQUIRE(mem[i] != NULL);
        CHECK_EQ((uintptr_t)mem[i] % order_bytes(order), 0);
        for (size_t at = 0; at < order_bytes(order) / 8; at += 512) {
            mem[i][at] = i;
        }
    }
    for (unsigned i = 0; i < N; i++) {
        for (size_t at = 0; at < order_bytes(i % 5) / 8; at += 512) {
            if (mem[i][at] != i) {
                TEST_FAILED("block %u holds %ju", i, (uintmax_t)mem[i][at]);
                break;
            }
        }
        liballoc_pages_free(mem[i], i % 5);
    }
}

TEST(pages, freeing_null_is_fine)
{
    liballoc_pages_free(NULL, 0);
    liballoc_pages_free(NULL, LIBALLOC_MAX_ORDER);
    liballoc_pages_free_exact(NULL, 1);
    liballoc_pages_free_bulk(0, 0, NULL);
}

TEST(pages, exact_sizes_are_not_rounded_to_a_power_of_two)
{
    enum { N = 100 };
    static const size_t sizes[] = {1,         16384,     16385,
                                   5 * 16384, 9 * 16384, 1000000};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *mem[N];
        struct liballoc_stats before = {0};
        struct liballoc_stats after = {0};
        liballoc_stats_get(&before, sizeof(before));
        for (unsigned j = 0; j < N; j++) {
            mem[j] = liballoc_pages_alloc_exact(sizes[i], j % 2);
            REQUIRE(mem[j] != NULL);
            CHECK_EQ((uintptr_t)mem[j] % LIBALLOC_PAGE_SIZE, 0);
            if (j % 2 == LIBALLOC_ZERO) {
                CHECK(is_zero(mem[j], sizes[i]));
            }
            memset(mem[j], (int)j + 1, sizes[i]);
        }
        liballoc_stats_get(&after, sizeof(after));
        size_t npages =
            (sizes[i] + LIBALLOC_PAGE_SIZE - 1) / LIBALLOC_PAGE_SIZE;
        CHECK_EQ(after.live - before.live, N * npages * LIBALLOC_PAGE_SIZE);
        for (unsigned j = 0; j < N; j++) {
            CHECK_EQ(mem[j][0], j + 1);
            CHECK_EQ(mem[j][sizes[i] - 1], j + 1);
            liballoc_pages_free_exact(mem[j], sizes[i]);
        }
        liballoc_stats_get(&after, sizeof(after));
        CHECK_EQ(after.live, before.live);
    }
}

TEST(pages, an_exact_size_out_of_range_is_einval)
{
    static const size_t bad[] = {0, 64 * MIB + 1, SIZE_MAX, SIZE_MAX - 16384};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        CHECK_EQ(liballoc_pages_alloc_exact(bad[i], 0), NULL);
        CHECK_EQ(errno, EINVAL);
    }
    void *most = liballoc_pages_alloc_exact(64 * MIB, 0);
    CHECK(most != NULL);
    liballoc_pages_free_exact(most, 64 * MIB);
}

TEST(pages, bulk_gives_distinct_blocks)
{
    enum { N = 100 };
    void *mem[N];
    for (unsigned order = 0; order <= 4; order++) {
        CHECK_EQ(liballoc_pages_alloc_bulk(order, LIBALLOC_ZERO, N, mem), N);
        for (unsigned i = 0; i < N; i++) {
            CHECK_EQ((uintptr_t)mem[i] % order_bytes(order), 0);
            CHECK(is_zero(mem[i], order_bytes(order)));
            memset(mem[i], 1, order_bytes(order));
        }
        liballoc_pages_free_bulk(order, N, mem);
    }
}

TEST(pages, freed_ones_are_reused)
{
    size_t before = self_status_bytes("VmRSS:");
    for (int i = 0; i < 2000; i++) {
        unsigned char *mem = liballoc_pages_alloc(6, 0);
        REQUIRE(mem != NULL);
        memset(mem, 1, order_bytes(6));
        liballoc_pages_free(mem, 6);
    }
    CHECK(self_status_bytes("VmRSS:") < before + 64 * MIB);
}
