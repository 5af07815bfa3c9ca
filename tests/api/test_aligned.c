/* SPDX-License-Identifier: MIT */
/* aligned_alloc, posix_memalign, memalign, valloc, pvalloc. */
#include "black_box.h"
#include "test.h"

#include <malloc.h>

static const size_t sizes[] = {0,    1,     16,    100,    1000,    1024,
                               4096, 10000, 65536, 300000, 5u << 20};
enum { NSIZES = sizeof(sizes) / sizeof(sizes[0]) };

/* Writes all of it, grows it, and frees it. */
static void use_up(unsigned char *mem, size_t align, size_t size)
{
    if (mem == NULL || (uintptr_t)mem % align != 0 ||
        malloc_usable_size(mem) < size) {
        TEST_FAILED("size %zu align %zu gave %p", size, align, (void *)mem);
        return;
    }
    memset(mem, 0x3c, malloc_usable_size(mem));
    unsigned char *now = launder(realloc(mem, size + 5000));
    CHECK(now != NULL);
    for (size_t i = 0; i < size; i += 97) {
        if (now[i] != 0x3c) {
            TEST_FAILED("realloc of size %zu align %zu lost %zu", size, align,
                        i);
            break;
        }
    }
    free(now);
}

TEST(aligned_alloc, aligns_and_survives_realloc)
{
    for (size_t align = 1; align <= 8 * MIB; align *= 2) {
        for (unsigned i = 0; i < NSIZES; i++) {
            use_up(launder(aligned_alloc(align, sizes[i])), align, sizes[i]);
        }
    }
}

TEST(aligned_alloc, many_live_blocks_do_not_overlap)
{
    enum { N = 300 };
    unsigned char *mem[N];
    for (unsigned i = 0; i < N; i++) {
        size_t align = (size_t)16 << (i % 9);
        size_t size = 1 + i * 53 % 3000;
        mem[i] = launder(aligned_alloc(align, size));
        REQUIRE(mem[i] != NULL);
        CHECK_EQ((uintptr_t)mem[i] % align, 0);
        memset(mem[i], (int)(i & 0xff), size);
    }
    for (unsigned i = 0; i < N; i++) {
        size_t size = 1 + i * 53 % 3000;
        CHECK_EQ(mem[i][0], i & 0xff);
        CHECK_EQ(mem[i][size - 1], i & 0xff);
        CHECK(memcmp(mem[i], mem[i] + 1, size - 1) == 0);
        free(mem[i]);
    }
}

/* C17; glibc before 2.38 rounds up instead, liballoc does not. */
TEST(aligned_alloc, refuses_what_is_no_power_of_two)
{
    static const size_t bad[] = {0, 3, 24, 48, 1000, 4095, SIZE_MAX};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        void *mem = launder(aligned_alloc(launder_size(bad[i]), 64));
        CHECK_EQ(mem, NULL);
        CHECK_EQ(errno, EINVAL);
    }
}

TEST(posix_memalign, aligns_and_survives_realloc)
{
    for (size_t align = 8; align <= 8 * MIB; align *= 2) {
        for (unsigned i = 0; i < NSIZES; i++) {
            void *mem = NULL;
            errno = 1234;
            CHECK_EQ(posix_memalign(&mem, align, sizes[i]), 0);
            CHECK_EQ(errno, 1234);
            use_up(launder(mem), align, sizes[i]);
        }
    }
}

TEST(posix_memalign, failure_leaves_errno_and_memptr)
{
    static const size_t bad[] = {0, 1, 2, 4, 3, 7, 12, 24, 4095, SIZE_MAX};
    void *mem = &mem;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 1234;
        CHECK_EQ(posix_memalign(&mem, launder_size(bad[i]), 64), EINVAL);
        CHECK_EQ(errno, 1234);
        CHECK_EQ(mem, &mem);
    }
    static const size_t huge[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1,
                                  SIZE_MAX - 4096};
    for (unsigned i = 0; i < 3; i++) {
        errno = 1234;
        CHECK_EQ(posix_memalign(&mem, 64, launder_size(huge[i])), ENOMEM);
        CHECK_EQ(errno, 1234);
        CHECK_EQ(mem, &mem);
    }
}

TEST(memalign, rounds_odd_alignments_up)
{
    static const size_t pairs[][2] = {{3, 4},     {24, 32},     {33, 64},
                                      {100, 128}, {1000, 1024}, {5000, 8192},
                                      {0, 1},     {1, 1}};
    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        for (unsigned j = 0; j < NSIZES; j++) {
            size_t align = launder_size(pairs[i][0]);
            use_up(launder(memalign(align, sizes[j])), pairs[i][1], sizes[j]);
        }
    }
}

TEST(aligned, failure_sets_enomem_at_every_entry)
{
    static const size_t huge[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1,
                                  SIZE_MAX - 4096, (size_t)PTRDIFF_MAX};
    for (unsigned i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        size_t size = launder_size(huge[i]);
        errno = 0;
        CHECK_EQ(launder(memalign(64, size)), NULL);
        CHECK_EQ(errno, ENOMEM);
        errno = 0;
        CHECK_EQ(launder(aligned_alloc(4096, size)), NULL);
        CHECK_EQ(errno, ENOMEM);
        errno = 0;
        CHECK_EQ(launder(valloc(size)), NULL);
        CHECK_EQ(errno, ENOMEM);
        errno = 0;
        CHECK_EQ(launder(pvalloc(size)), NULL);
        CHECK_EQ(errno, ENOMEM);
    }
}

TEST(aligned, absurd_alignments_fail_cleanly)
{
    for (unsigned shift = 47; shift < 63; shift++) {
        size_t align = launder_size((size_t)1 << shift);
        void *mem = NULL;
        errno = 0;
        CHECK_EQ(launder(aligned_alloc(align, 16)), NULL);
        CHECK_EQ(errno, ENOMEM);
        CHECK_EQ(posix_memalign(&mem, align, 16), ENOMEM);
    }
    errno = 0;
    CHECK_EQ(launder(memalign(launder_size(SIZE_MAX), 16)), NULL);
    CHECK(errno == EINVAL || errno == ENOMEM);
}

TEST(valloc, gives_whole_page_starts)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (unsigned i = 0; i < NSIZES; i++) {
        use_up(launder(valloc(sizes[i])), page, sizes[i]);
    }
}

TEST(pvalloc, rounds_the_size_up_to_pages)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (unsigned i = 0; i < NSIZES; i++) {
        size_t whole = (sizes[i] + page - 1) / page * page;
        use_up(launder(pvalloc(sizes[i])), page, whole);
    }
}

TEST(aligned, costs_no_multiple_of_the_request)
{
    static const size_t N = 64;
    unsigned char *mem[64];
    /* What the tests before left may not go, or be used, meanwhile. */
    (void)malloc_trim(0);
    size_t before = self_status_bytes("VmRSS:");
    for (unsigned i = 0; i < N; i++) {
        mem[i] = launder(aligned_alloc(2 * MIB, 100 * KIB));
        REQUIRE(mem[i] != NULL);
        memset(mem[i], 1, 100 * KIB);
    }
    size_t after = self_status_bytes("VmRSS:");
    if (after < before + N * 50 * KIB ||
        after > before + N * 100 * KIB * 3 + 4 * MIB) {
        TEST_FAILED("%zu KiB written, RSS went from %zu to %zu KiB", N * 100,
                    before / KIB, after / KIB);
    }
    for (unsigned i = 0; i < N; i++) {
        free(mem[i]);
    }
}
