/* SPDX-License-Identifier: MIT */
/* mallopt: glibc's meaning of every parameter; each case in its own child. */
#include "black_box.h"
#include "test.h"

#include <limits.h>
#include <malloc.h>

#define IN_CHILD(fn) CHECK_EQ(test_child(fn, NULL, NULL, 0), 0)

static void check_mxfast(void *unused)
{
    (void)unused;
    CHECK_EQ(mallopt(M_MXFAST, 0), 1);
    CHECK_EQ(mallopt(M_MXFAST, 160), 1);
    CHECK_EQ(mallopt(M_MXFAST, 161), 0);
    CHECK_EQ(mallopt(M_MXFAST, INT_MAX), 0);
    CHECK_EQ(mallopt(M_MXFAST, -1), 0);
    free(launder(malloc(10)));
}

TEST(mallopt, mxfast_takes_0_to_160)
{
    IN_CHILD(check_mxfast);
}

static void check_accepted(void *unused)
{
    (void)unused;
    CHECK_EQ(mallopt(M_TRIM_THRESHOLD, 1 << 20), 1);
    CHECK_EQ(mallopt(M_TRIM_THRESHOLD, -1), 1);
    CHECK_EQ(mallopt(M_TOP_PAD, 1 << 20), 1);
    CHECK_EQ(mallopt(M_TOP_PAD, 0), 1);
    CHECK_EQ(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
    CHECK_EQ(mallopt(M_MMAP_MAX, 65536), 1);
    CHECK_EQ(mallopt(M_CHECK_ACTION, 3), 1);
    CHECK_EQ(mallopt(M_PERTURB, 0), 1);
    CHECK_EQ(mallopt(M_ARENA_TEST, 4), 1);
    CHECK_EQ(mallopt(M_ARENA_MAX, 2), 1);
    for (size_t size = 1; size < 10 * MIB; size *= 3) {
        void *mem = launder(malloc(size));
        CHECK(mem != NULL);
        free(mem);
    }
}

TEST(mallopt, known_parameters_are_accepted)
{
    IN_CHILD(check_accepted);
}

static void check_unknown(void *unused)
{
    (void)unused;
    CHECK_EQ(mallopt(42, 1), 1);
    CHECK_EQ(mallopt(12345, 0), 1);
    CHECK_EQ(mallopt(INT_MIN, 7), 1);
}

TEST(mallopt, unknown_parameters_return_1)
{
    IN_CHILD(check_unknown);
}

static void check_mmap_threshold(void *unused)
{
    (void)unused;
    CHECK_EQ(mallopt(M_MMAP_THRESHOLD, 64 * 1024), 1);
    size_t before = mallinfo2().hblks;
    size_t bytes = mallinfo2().hblkhd;
    void *mem = launder(malloc(MIB));
    CHECK_EQ(mallinfo2().hblks, before + 1);
    CHECK(mallinfo2().hblkhd >= bytes + MIB);
    void *small = launder(malloc(60 * KIB));
    CHECK_EQ(mallinfo2().hblks, before + 1);
    free(small);
    free(mem);
    CHECK_EQ(mallinfo2().hblks, before);
    /* A threshold set by hand is no longer dynamic: still mmapped. */
    mem = launder(malloc(MIB));
    CHECK_EQ(mallinfo2().hblks, before + 1);
    free(mem);
}

TEST(mallopt, mmap_threshold_is_obeyed_and_stays)
{
    IN_CHILD(check_mmap_threshold);
}

static void check_mmap_max(void *unused)
{
    (void)unused;
    CHECK_EQ(mallopt(M_MMAP_MAX, 0), 1);
    size_t before = mallinfo2().hblks;
    unsigned char *mem = launder(malloc(40 * MIB));
    CHECK(mem != NULL);
    if (mem != NULL) {
        mem[0] = mem[40 * MIB - 1] = 1;
    }
    CHECK_EQ(mallinfo2().hblks, before);
    free(mem);
}

TEST(mallopt, mmap_max_0_never_mmaps)
{
    IN_CHILD(check_mmap_max);
}

static void check_perturb(void *arg)
{
    size_t size = *(const size_t *)arg;
    CHECK_EQ(mallopt(M_PERTURB, 0x5a), 1);
    volatile unsigned char *mem = launder(malloc(size));
    for (size_t i = 0; i < size; i += 13) {
        if (mem[i] != (0x5a ^ 0xff)) {
            TEST_FAILED("size %zu: byte %zu of malloc is %#x", size, i, mem[i]);
            break;
        }
    }
    unsigned char *zero = launder(calloc(1, size));
    CHECK(zero[0] == 0 && memcmp(zero, zero + 1, size - 1) == 0);
    free(zero);
    /*
     * The first 32 and the last 16 bytes may carry the allocator's links once
     * free.  (glibc 2.36 does not fill what goes to its tcache.)
     */
    free(launder((void *)(uintptr_t)mem));
    const char *conf = getenv("LIBALLOC_CONF");
    /* Hardened mode fills with zero after that. */
    unsigned filled = conf != NULL && strstr(conf, "harden:") ? 0 : 0x5a;
    for (size_t i = 32; i + 16 <= size; i += 13) {
        if (mem[i] != filled) {
            TEST_FAILED("size %zu: byte %zu once free is %#x", size, i, mem[i]);
            break;
        }
    }
}

TEST(mallopt, perturb_fills_on_malloc_and_free)
{
    /* Sizes whose memory stays mapped when free. */
    static size_t sizes[] = {100, 200, 1000, 3000, 50000};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        CHECK_EQ(test_child(check_perturb, &sizes[i], NULL, 0), 0);
    }
}

static void check_perturb_off(void *unused)
{
    (void)unused;
    mallopt(M_PERTURB, 0x5a);
    free(launder(malloc(100)));
    mallopt(M_PERTURB, 0);
    unsigned char *mem = launder(malloc(100));
    memset(mem, 7, 100);
    mem = launder(realloc(mem, 5000));
    CHECK_EQ(mem[99], 7);
    free(mem);
}

TEST(mallopt, perturb_can_be_switched_off)
{
    IN_CHILD(check_perturb_off);
}
