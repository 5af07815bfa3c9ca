/* SPDX-License-Identifier: MIT */
/*
 * Workloads of one thread.  Sizes are spread over all layers; few bytes are
 * touched, so that many thousands of runs fit into a minute.
 */
#define TEST_NO_MAIN
#include "workload.h"

#include "liballoc.h"
#include "workload_more.h"

enum { ERRNO_OF_CALLER = 4242, SLOTS = 96 };

bool kernel_is_generous = true;

void *taken(void *mem, size_t size)
{
    if (mem == NULL) {
        CHECK(!kernel_is_generous);
        CHECK_EQ(errno, ENOMEM);
        return NULL;
    }
    CHECK(malloc_usable_size(mem) >= size);
    return mem;
}

static unsigned char *mark(unsigned char *mem, size_t size)
{
    if (mem != NULL && size > 0) {
        mem[0] = (unsigned char)size;
        mem[size - 1] = (unsigned char)size;
    }
    return mem;
}

unsigned char *take(size_t size)
{
    errno = ERRNO_OF_CALLER;
    return mark(taken(launder(malloc(size)), size), size);
}

void give(void *mem)
{
    errno = ERRNO_OF_CALLER;
    free(mem);
    CHECK_EQ(errno, ERRNO_OF_CALLER);
}

bool is_whole(const unsigned char *mem, size_t size)
{
    return mem == NULL || size == 0 ||
           (mem[0] == (unsigned char)size &&
            mem[size - 1] == (unsigned char)size);
}

/* `n` blocks of least + i * step bytes, twice; 7 does not divide n. */
static void churn(size_t n, size_t least, size_t step)
{
    unsigned char *mem[SLOTS];

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < n; i++) {
            mem[i] = take(least + i * step);
        }
        for (size_t i = 0; i < n; i++) {
            size_t at = i * 7 % n;
            CHECK(is_whole(mem[at], least + at * step));
            give(mem[at]);
        }
    }
}

static void small_churn(void)
{
    unsigned char *mem[600];

    for (size_t i = 0; i < 600; i++) {
        mem[i] = take(i * 37 % 1025);
    }
    for (size_t i = 0; i < 600; i++) {
        size_t at = i * 7 % 600;
        CHECK(is_whole(mem[at], at * 37 % 1025));
        give(mem[at]);
    }
}

static void medium_churn(void)
{
    churn(80, 1100, 3300);
}

static void large_runs(void)
{
    churn(16, 270 * KIB, 190 * KIB);
}

static void mmapped(void)
{
    churn(16, 4 * MIB, 900 * KIB);
}

/* Many small mappings: the table of mmapped chunks grows, too. */
static void many_mappings(void)
{
    unsigned char *mem[120];

    CHECK_EQ(mallopt(M_MMAP_THRESHOLD, 64 * 1024), 1);
    for (size_t i = 0; i < 120; i++) {
        mem[i] = take(64 * KIB + i * 512);
    }
    for (size_t i = 0; i < 120; i++) {
        size_t at = i * 7 % 120;
        CHECK(is_whole(mem[at], 64 * KIB + at * 512));
        give(mem[at]);
    }
}

/* The block survives a realloc that fails. */
static unsigned char *resize(unsigned char *mem, size_t from, size_t to)
{
    errno = ERRNO_OF_CALLER;
    unsigned char *moved = taken(launder(realloc(mem, to)), to);

    if (moved == NULL) {
        CHECK(is_whole(mem, from));
        return NULL;
    }
    CHECK_EQ(moved[0], (unsigned char)from);
    return mark(moved, to);
}

static void realloc_growth(void)
{
    static const size_t steps[] = {40,      900,     5000,    70000,
                                   300000,  310000,  1200000, 1300000,
                                   2500000, 2600000, 4500000, 9000000};
    unsigned char *mem = take(16);
    size_t size = 16;

    for (size_t i = 0; mem != NULL && i < sizeof(steps) / sizeof(*steps); i++) {
        unsigned char *moved = resize(mem, size, steps[i]);
        mem = moved != NULL ? moved : mem;
        size = moved != NULL ? steps[i] : size;
    }
    for (size_t i = 0; mem != NULL && i < 10; i++) {
        size_t to = size - size / 3;
        unsigned char *moved = resize(mem, size, to);
        mem = moved != NULL ? moved : mem;
        size = moved != NULL ? to : size;
    }
    give(mem);
}

/* Several that grow in turn: none can grow in place. */
static void realloc_beside(void)
{
    unsigned char *mem[6];
    size_t size[6];

    for (size_t i = 0; i < 6; i++) {
        size[i] = 1000;
        mem[i] = take(size[i]);
    }
    for (size_t step = 0; step < 54; step++) {
        size_t i = step % 6;
        size_t to = size[i] * 9 / 4;
        unsigned char *moved =
            mem[i] != NULL ? resize(mem[i], size[i], to) : NULL;
        mem[i] = moved != NULL ? moved : mem[i];
        size[i] = moved != NULL ? to : size[i];
    }
    for (size_t i = 0; i < 6; i++) {
        give(mem[i]);
    }
}

static void aligned(void)
{
    void *mem[60];

    for (size_t i = 0; i < 60; i++) {
        size_t align = (size_t)32 << i % 17;
        size_t size = i * i * 1000 + 1;
        errno = ERRNO_OF_CALLER;
        mem[i] = taken(launder(aligned_alloc(align, size)), size);
        CHECK_EQ((uintptr_t)mem[i] % align, 0);
        if (i % 3 == 0) {
            give(mem[i]);
            mem[i] = NULL;
            errno = ERRNO_OF_CALLER;
            int error = posix_memalign(&mem[i], align, size);
            CHECK(error == 0 || (error == ENOMEM && !kernel_is_generous));
            CHECK_EQ(errno, ERRNO_OF_CALLER);
        }
    }
    for (size_t i = 0; i < 60; i++) {
        give(mem[i]);
    }
}

static void zeroed(void)
{
    static const size_t sizes[] = {100, 3000, 40000, 250000, 400000, 4200000};

    for (size_t i = 0; i < 18; i++) {
        size_t size = sizes[i % 6] + i * 64;
        errno = ERRNO_OF_CALLER;
        unsigned char *mem = taken(launder(calloc(1, size)), size);
        for (size_t at = 0; mem != NULL && at < size; at += 49999) {
            CHECK_EQ(mem[at], 0);
            mem[at] = 0xee;
        }
        give(mem);
        if (i % 6 == 5) {
            malloc_trim(0);
        }
    }
}

/* Small ones when all that is left is free chunks that are not zero. */
static void zeroed_small(void)
{
    unsigned char *mem[SLOTS];
    unsigned char *zero[2400];

    for (size_t i = 0; i < SLOTS; i++) {
        mem[i] = take(30000 + i * 16);
        if (mem[i] != NULL) {
            memset(mem[i] + 1, 0xee, 29000);
        }
    }
    for (size_t i = 0; i < SLOTS; i += 2) {
        give(mem[i]);
    }
    for (size_t i = 0; i < 2400; i++) {
        size_t size = 200 + i * 11 % 1400;
        errno = ERRNO_OF_CALLER;
        zero[i] = taken(launder(calloc(1, size)), size);
        for (size_t at = 0; zero[i] != NULL && at < size; at += 50) {
            CHECK_EQ(zero[i][at], 0);
        }
    }
    for (size_t i = 0; i < 2400; i++) {
        give(zero[i]);
    }
    for (size_t i = 1; i < SLOTS; i += 2) {
        give(mem[i]);
    }
}

static void trim(void)
{
    for (size_t round = 0; round < 3; round++) {
        unsigned char *mem[SLOTS];
        for (size_t i = 0; i < SLOTS; i++) {
            mem[i] = take(i % 4 == 0 ? 300000 + i * 3000 : 500 + i * 900);
        }
        for (size_t i = 0; i < SLOTS; i++) {
            if (i % 8 != 7) {
                give(mem[i]);
            }
        }
        errno = ERRNO_OF_CALLER;
        malloc_trim(0);
        for (size_t i = 7; i < SLOTS; i += 8) {
            CHECK(is_whole(mem[i],
                           i % 4 == 0 ? 300000 + i * 3000 : 500 + i * 900));
            give(mem[i]);
        }
        malloc_trim(round * 4096);
    }
}

/* The top of the main arena rises and falls. */
static void brk_up_and_down(void)
{
    unsigned char *mem[SLOTS];

    mallopt(M_TOP_PAD, 0);
    mallopt(M_TRIM_THRESHOLD, 4096);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < SLOTS / 2; i++) {
            mem[i] = take(20000 + i * 2000);
        }
        for (size_t i = SLOTS / 2; i-- > 0;) {
            give(mem[i]);
        }
        malloc_trim(0);
    }
}

const struct workload workloads[] = {
    {"small churn", small_churn},
    {"medium churn", medium_churn},
    {"large runs", large_runs},
    {"mmapped chunks", mmapped},
    {"many mappings", many_mappings},
    {"realloc growth", realloc_growth},
    {"realloc side by side", realloc_beside},
    {"aligned", aligned},
    {"calloc", zeroed},
    {"calloc, small", zeroed_small},
    {"trim", trim},
    {"brk up and down", brk_up_and_down},
    {"object caches", cache_objects},
    {"pages", user_pages},
    {"reports", reports},
    {"frees by another thread", remote_frees},
    {"thread exit and adoption", exit_and_adoption},
    {"six threads", six_threads},
    {"fork", fork_and_go_on},
};
const size_t nworkloads = sizeof(workloads) / sizeof(*workloads);
