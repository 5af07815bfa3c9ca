/* SPDX-License-Identifier: MIT */
/* malloc, calloc, realloc, free: the contract, on every size class. */
#include "black_box.h"
#include "test.h"

#include <malloc.h>

/* One size on each side of every border between layers. */
static const size_t sizes[] = {
    0,
    1,
    8,
    15,
    16,
    17,
    24,
    100,
    255,
    256,
    257,
    1000,
    1024,
    1025,
    4095,
    4096,
    4097,
    10000,
    65536,
    100000,
    131072,
    256 * 1024,
    256 * 1024 + 1,
    1024 * 1024,
    4 << 20,
    (4 << 20) + 1,
    5000000,
    40 << 20,
};
enum { NSIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void fill(unsigned char *mem, size_t size, unsigned salt)
{
    for (size_t i = 0; i < size; i++) {
        mem[i] = (unsigned char)(i * 31 + salt);
    }
}

static bool is_filled(const unsigned char *mem, size_t size, unsigned salt)
{
    for (size_t i = 0; i < size; i++) {
        if (mem[i] != (unsigned char)(i * 31 + salt)) {
            return false;
        }
    }
    return true;
}

static bool is_zero(const unsigned char *mem, size_t size)
{
    return size == 0 || (mem[0] == 0 && memcmp(mem, mem + 1, size - 1) == 0);
}

TEST(malloc, zero_gives_unique_pointers)
{
    void *first = launder(malloc(launder_size(0)));
    void *second = launder(malloc(launder_size(0)));
    CHECK(first != NULL);
    CHECK(second != NULL);
    CHECK(first != second);
    free(first);
    free(second);
}

TEST(malloc, aligns_every_size_to_16)
{
    for (size_t size = 0; size <= 9000; size++) {
        void *mem = launder(malloc(size));
        REQUIRE(mem != NULL);
        if ((uintptr_t)mem % 16 != 0) {
            CHECK_EQ(size, -1);
        }
        free(mem);
    }
    for (unsigned i = 0; i < NSIZES; i++) {
        void *mem = launder(malloc(sizes[i]));
        CHECK_EQ((uintptr_t)mem % 16, 0);
        free(mem);
    }
}

TEST(malloc, blocks_do_not_overlap)
{
    unsigned char *mem[NSIZES * 4];
    for (unsigned i = 0; i < NSIZES * 4; i++) {
        mem[i] = launder(malloc(sizes[i % NSIZES]));
        REQUIRE(mem[i] != NULL);
        fill(mem[i], sizes[i % NSIZES], i);
    }
    for (unsigned i = 0; i < NSIZES * 4; i++) {
        CHECK(is_filled(mem[i], sizes[i % NSIZES], i));
        free(mem[i]);
    }
}

TEST(malloc, usable_size_is_writable_and_constant)
{
    for (unsigned i = 0; i < NSIZES; i++) {
        unsigned char *mem = launder(malloc(sizes[i]));
        size_t usable = malloc_usable_size(mem);
        CHECK(usable >= sizes[i]);
        fill(mem, usable, i);
        void *other = launder(malloc(sizes[i]));
        CHECK_EQ(malloc_usable_size(mem), usable);
        fill(other, malloc_usable_size(other), i + 1);
        CHECK(is_filled(mem, usable, i));
        CHECK_EQ(malloc_usable_size(mem), usable);
        free(other);
        free(mem);
    }
    CHECK_EQ(malloc_usable_size(NULL), 0);
}

TEST(malloc, slack_is_small)
{
    for (size_t size = 64; size <= 64 * MIB; size += size / 7) {
        void *mem = launder(malloc(size));
        CHECK(malloc_usable_size(mem) <= size + size / 4 + 16 * KIB);
        free(mem);
    }
}

TEST(calloc, zeroes_what_was_dirty)
{
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < NSIZES; i++) {
            unsigned char *dirty = launder(malloc(sizes[i]));
            memset(dirty, 0xa5, malloc_usable_size(dirty));
            free(dirty);
            unsigned char *mem = launder(calloc(1, sizes[i]));
            REQUIRE(mem != NULL);
            CHECK(is_zero(mem, sizes[i]));
            memset(mem, 0x5a, sizes[i]);
            free(mem);
        }
    }
}

TEST(calloc, zeroes_recycled_neighbours)
{
    enum { N = 500 };
    unsigned char *mem[N];
    for (int round = 0; round < 4; round++) {
        for (size_t i = 0; i < N; i++) {
            mem[i] = launder(calloc(i + 1, 7));
            REQUIRE(mem[i] != NULL);
            CHECK(is_zero(mem[i], (i + 1) * 7));
            memset(mem[i], 0xff, (i + 1) * 7);
        }
        for (size_t i = 0; i < N; i++) {
            free(mem[(i * 7) % N]);
        }
    }
}

TEST(calloc, product_overflow_fails)
{
    static const size_t factors[][2] = {
        {SIZE_MAX, 2},         {2, SIZE_MAX},
        {SIZE_MAX, SIZE_MAX},  {(size_t)1 << 32, (size_t)1 << 32},
        {SIZE_MAX / 2 + 1, 2}, {3, SIZE_MAX / 3 + 1},
    };
    for (unsigned i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        errno = 0;
        void *mem = launder(
            calloc(launder_size(factors[i][0]), launder_size(factors[i][1])));
        CHECK_EQ(mem, NULL);
        CHECK_EQ(errno, ENOMEM);
    }
    void *none = launder(calloc(launder_size(0), launder_size(SIZE_MAX)));
    CHECK(none != NULL);
    free(none);
}

TEST(realloc, of_null_is_malloc)
{
    void *mem = launder(realloc(NULL, launder_size(77)));
    CHECK(mem != NULL);
    CHECK(malloc_usable_size(mem) >= 77);
    free(mem);
    mem = launder(realloc(NULL, launder_size(0)));
    CHECK(mem != NULL);
    free(mem);
}

TEST(realloc, to_zero_frees_and_returns_null)
{
    size_t before = self_status_bytes("VmRSS:");
    for (int i = 0; i < 2000; i++) {
        unsigned char *mem = launder(malloc(launder_size(100 * KIB)));
        memset(mem, 1, 100 * KIB);
        CHECK_EQ(realloc(mem, launder_size(0)), NULL);
    }
    CHECK(self_status_bytes("VmRSS:") < before + 64 * MIB);
}

TEST(realloc, keeps_the_contents_between_all_sizes)
{
    for (unsigned from = 0; from < NSIZES; from++) {
        for (unsigned to = 1; to < NSIZES; to++) {
            size_t least = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            size_t looked = least < 300000 ? least : 300000;
            unsigned char *mem = launder(malloc(sizes[from]));
            fill(mem, looked, from);
            if (sizes[from] > 0)
                mem[sizes[from] - 1] = 0x77;
            unsigned char *now = launder(realloc(mem, sizes[to]));
            REQUIRE(now != NULL);
            CHECK_EQ((uintptr_t)now % 16, 0);
            CHECK(malloc_usable_size(now) >= sizes[to]);
            CHECK(looked == 0 || is_filled(now, looked - 1, from));
            if (sizes[from] == least && least > 0) {
                CHECK_EQ(now[least - 1], 0x77);
            }
            memset(now, 0, sizes[to] < 300000 ? sizes[to] : 300000);
            now[sizes[to] - 1] = 0;
            free(now);
        }
    }
}

TEST(realloc, grows_by_small_steps_to_64_mib)
{
    size_t size = 16;
    unsigned char *mem = launder(malloc(size));
    fill(mem, size, 9);
    while (size < 64 * MIB) {
        size_t next = size + size / 3 + 5;
        mem = launder(realloc(mem, next));
        REQUIRE(mem != NULL);
        CHECK(is_filled(mem, size < 50000 ? size : 50000, 9));
        CHECK_EQ(mem[size - 1], (unsigned char)((size - 1) * 31 + 9));
        fill(mem, next < 50000 ? next : 50000, 9);
        mem[next - 1] = (unsigned char)((next - 1) * 31 + 9);
        size = next;
    }
    while (size > 20) {
        size_t next = size / 3;
        mem = launder(realloc(mem, next));
        REQUIRE(mem != NULL);
        CHECK(is_filled(mem, next < 50000 ? next : 50000, 9));
        size = next;
    }
    free(mem);
}

TEST(realloc, up_to_the_usable_size_does_not_move)
{
    for (unsigned i = 1; i < NSIZES; i++) {
        if (sizes[i] > 4 * MIB) {
            break; /* glibc moves mmapped chunks here; so may any mremap */
        }
        void *mem = launder(malloc(sizes[i]));
        uintptr_t was = (uintptr_t)mem;
        mem = launder(realloc(mem, malloc_usable_size(mem)));
        if ((uintptr_t)mem != was) {
            CHECK_EQ(sizes[i], -1);
        }
        free(mem);
    }
}

TEST(realloc, failure_keeps_the_block)
{
    for (unsigned i = 0; i < NSIZES; i++) {
        unsigned char *mem = launder(malloc(sizes[i]));
        fill(mem, sizes[i], i);
        errno = 0;
        CHECK_EQ(realloc(launder(mem), launder_size(SIZE_MAX - 100)), NULL);
        CHECK_EQ(errno, ENOMEM);
        errno = 0;
        CHECK_EQ(reallocarray(launder(mem), launder_size(SIZE_MAX / 2), 3),
                 NULL);
        CHECK_EQ(errno, ENOMEM);
        CHECK(is_filled(mem, sizes[i], i));
        free(mem);
    }
}

TEST(reallocarray, multiplies)
{
    int *mem = launder(reallocarray(NULL, 100, sizeof(int)));
    REQUIRE(mem != NULL);
    CHECK(malloc_usable_size(mem) >= 400);
    mem[99] = 5;
    mem = launder(reallocarray(mem, 100000, sizeof(int)));
    REQUIRE(mem != NULL);
    CHECK_EQ(mem[99], 5);
    free(mem);
}

TEST(free, of_null_does_nothing)
{
    errno = 1234;
    free(NULL);
    CHECK_EQ(errno, 1234);
}

TEST(free, keeps_errno)
{
    for (unsigned i = 0; i < NSIZES; i++) {
        void *mem[3];
        for (int j = 0; j < 3; j++) {
            mem[j] = launder(malloc(sizes[i]));
        }
        for (int j = 0; j < 3; j++) {
            errno = 1234;
            free(mem[j]);
            CHECK_EQ(errno, 1234);
        }
    }
}

TEST(malloc, success_keeps_errno)
{
    for (unsigned i = 0; i < NSIZES; i++) {
        errno = 1234;
        void *mem = launder(malloc(sizes[i]));
        CHECK_EQ(errno, 1234);
        free(mem);
    }
}

TEST(malloc, more_than_ptrdiff_max_fails)
{
    static const size_t huge[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX,
                                  SIZE_MAX - 15,           SIZE_MAX - 4095,
                                  (size_t)PTRDIFF_MAX,     SIZE_MAX / 2 + 77};
    for (unsigned i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        size_t size = launder_size(huge[i]);
        errno = 0;
        CHECK_EQ(launder(malloc(size)), NULL);
        CHECK_EQ(errno, ENOMEM);
        errno = 0;
        CHECK_EQ(launder(calloc(1, size)), NULL);
        CHECK_EQ(errno, ENOMEM);
        errno = 0;
        CHECK_EQ(launder(realloc(NULL, size)), NULL);
        CHECK_EQ(errno, ENOMEM);
        errno = 0;
        CHECK_EQ(launder(reallocarray(NULL, size, 1)), NULL);
        CHECK_EQ(errno, ENOMEM);
    }
}

/* 2^46 bytes: a legal size that no address space has free. */
TEST(malloc, absurd_but_legal_sizes_fail_with_enomem)
{
    for (unsigned shift = 47; shift < 63; shift++) {
        errno = 0;
        CHECK_EQ(launder(malloc((size_t)1 << shift)), NULL);
        CHECK_EQ(errno, ENOMEM);
    }
    void *mem = launder(malloc(10));
    CHECK(mem != NULL);
    free(mem);
}
