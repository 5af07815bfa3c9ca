/* SPDX-License-Identifier: MIT */
/* liballoc_cache_*: object caches with constructors, merging, bulk. */
#include "black_box.h"
#include "liballoc.h"
#include "test.h"

#include <malloc.h>
#include <pthread.h>

struct thing {
    uint64_t magic;
    uint64_t uses;
    char body[104];
};

static atomic_size_t constructed;

static void construct(void *object)
{
    struct thing *thing = object;
    memset(thing, 0, sizeof(*thing));
    thing->magic = 0x7468696e67;
    atomic_fetch_add(&constructed, 1);
}

/* Fifty live objects of one shape, each written whole. */
static void check_shape(size_t size, size_t align)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("shape", size, align, 0, NULL);
    if (cache == NULL) {
        TEST_FAILED("no cache of size %zu, align %zu", size, align);
        return;
    }
    unsigned char *mem[50];
    for (unsigned i = 0; i < 50; i++) {
        mem[i] = liballoc_cache_alloc(cache, 0);
        REQUIRE(mem[i] != NULL);
        memset(mem[i], (int)i, size);
    }
    bool aligned = true;
    bool whole = true;
    for (unsigned i = 0; i < 50; i++) {
        aligned = aligned && (uintptr_t)mem[i] % align == 0;
        whole = whole && mem[i][0] == i && mem[i][size - 1] == i;
        liballoc_cache_free(cache, mem[i]);
    }
    if (!aligned || !whole) {
        TEST_FAILED("size %zu, align %zu: %s%s", size, align,
                    aligned ? "" : "misaligned ", whole ? "" : "overlapping");
    }
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

TEST(cache, aligns_and_separates_objects)
{
    static const size_t sizes[] = {1,    8,    16,   100,   1000,
                                   1024, 1025, 5000, 30000, 65536};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t align = 1; align <= 4096; align *= 4) {
            check_shape(sizes[i], align);
        }
    }
}

TEST(cache, default_alignment_is_16)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("plain", 40, 0, LIBALLOC_NO_MERGE, NULL);
    REQUIRE(cache != NULL);
    void *mem[100];
    for (unsigned i = 0; i < 100; i++) {
        mem[i] = liballoc_cache_alloc(cache, 0);
        CHECK_EQ((uintptr_t)mem[i] % 16, 0);
    }
    liballoc_cache_free_bulk(cache, 100, mem);
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

TEST(cache, create_refuses_nonsense)
{
    static const struct {
        size_t size;
        size_t align;
        unsigned flags;
    } bad[] = {{0, 0, 0},  {65537, 0, 0}, {SIZE_MAX, 0, 0},
               {64, 3, 0}, {64, 8192, 0}, {64, SIZE_MAX, 0}};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        CHECK_EQ(liballoc_cache_create("bad", bad[i].size, bad[i].align,
                                       bad[i].flags, NULL),
                 NULL);
        CHECK_EQ(errno, EINVAL);
    }
}

/* Bonwick's promise: construct once, not at each allocation. */
TEST(cache, constructor_runs_once_per_object)
{
    atomic_store(&constructed, 0);
    struct liballoc_cache *cache =
        liballoc_cache_create("thing", sizeof(struct thing), 0, 0, construct);
    REQUIRE(cache != NULL);
    enum { N = 64 };
    struct thing *mem[N];
    for (unsigned i = 0; i < N; i++) {
        mem[i] = liballoc_cache_alloc(cache, 0);
        REQUIRE(mem[i] != NULL);
        CHECK_EQ(mem[i]->magic, 0x7468696e67);
        CHECK_EQ(mem[i]->uses, 0);
    }
    size_t made = atomic_load(&constructed);
    CHECK(made >= N);
    for (int round = 1; round <= 20; round++) {
        for (unsigned i = 0; i < N; i++) {
            mem[i]->uses++;
            liballoc_cache_free(cache, mem[i]);
        }
        for (unsigned i = 0; i < N; i++) {
            mem[i] = liballoc_cache_alloc(cache, 0);
            /* The state of a free object is kept, every byte of it. */
            CHECK_EQ(mem[i]->magic, 0x7468696e67);
        }
    }
    CHECK_EQ(atomic_load(&constructed), made);
    uint64_t uses = 0;
    for (unsigned i = 0; i < N; i++) {
        uses += mem[i]->uses;
        liballoc_cache_free(cache, mem[i]);
    }
    CHECK_EQ(uses, 20 * N);
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

TEST(cache, zero_flag_zeroes)
{
    struct liballoc_cache *cache = liballoc_cache_create("z", 200, 0, 0, NULL);
    REQUIRE(cache != NULL);
    for (int i = 0; i < 100; i++) {
        unsigned char *mem = liballoc_cache_alloc(cache, LIBALLOC_ZERO);
        REQUIRE(mem != NULL);
        CHECK(mem[0] == 0 && memcmp(mem, mem + 1, 199) == 0);
        memset(mem, 0xff, 200);
        liballoc_cache_free(cache, mem);
    }
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

TEST(cache, bulk_gives_distinct_objects)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("bulk", 72, 0, LIBALLOC_NO_MERGE, NULL);
    REQUIRE(cache != NULL);
    enum { N = 5000 };
    static void *mem[N];
    CHECK_EQ(liballoc_cache_alloc_bulk(cache, LIBALLOC_ZERO, N, mem), N);
    for (unsigned i = 0; i < N; i++) {
        unsigned char *object = mem[i];
        CHECK(object[0] == 0 && memcmp(object, object + 1, 71) == 0);
        memset(object, 1, 72);
    }
    liballoc_cache_free_bulk(cache, N, mem);
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

TEST(cache, shrink_returns_empty_slabs)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("shrink", 512, 0, LIBALLOC_NO_MERGE, NULL);
    REQUIRE(cache != NULL);
    enum { N = 4000 };
    static void *mem[N];
    struct liballoc_stats full = {0};
    struct liballoc_stats shrunk = {0};
    CHECK_EQ(liballoc_cache_alloc_bulk(cache, 0, N, mem), N);
    CHECK_EQ(liballoc_stats_get(&full, sizeof(full)), 0);
    liballoc_cache_free_bulk(cache, N, mem);
    liballoc_cache_shrink(cache);
    CHECK_EQ(liballoc_stats_get(&shrunk, sizeof(shrunk)), 0);
    /* A slab has 64 KiB at most, so these filled 31 of them or more. */
    size_t least = N * 512 / (64 * KIB);
    if (full.slabs < least || shrunk.slabs + least > full.slabs + 2) {
        TEST_FAILED("%ju slabs for %d objects, %ju once shrunk",
                    (uintmax_t)full.slabs, N, (uintmax_t)shrunk.slabs);
    }
    CHECK_EQ(liballoc_cache_shrink(cache), 0);
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

TEST(cache, destroy_is_ebusy_while_objects_live)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("busy", 64, 0, LIBALLOC_NO_MERGE, NULL);
    REQUIRE(cache != NULL);
    void *mem = liballoc_cache_alloc(cache, 0);
    errno = 0;
    CHECK_EQ(liballoc_cache_destroy(cache), -1);
    CHECK_EQ(errno, EBUSY);
    liballoc_cache_free(cache, mem);
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

TEST(cache, merged_objects_may_go_to_free)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("merged", 96, 0, 0, NULL);
    REQUIRE(cache != NULL);
    for (int i = 0; i < 1000; i++) {
        unsigned char *mem = liballoc_cache_alloc(cache, 0);
        REQUIRE(mem != NULL);
        CHECK(malloc_usable_size(mem) >= 96);
        memset(mem, 1, 96);
        free(mem);
    }
    CHECK_EQ(liballoc_cache_destroy(cache), 0);
}

TEST(cache, many_caches_come_and_go)
{
    for (int i = 0; i < 2000; i++) {
        struct liballoc_cache *cache = liballoc_cache_create(
            "a name far longer than the thirty-one bytes it is cut to", 48, 0,
            LIBALLOC_NO_MERGE, NULL);
        REQUIRE(cache != NULL);
        liballoc_cache_free(cache, liballoc_cache_alloc(cache, 0));
        CHECK_EQ(liballoc_cache_destroy(cache), 0);
    }
    CHECK(self_status_bytes("VmRSS:") < 200 * MIB);
}

struct crossing {
    struct liballoc_cache *cache;
    void *mem[1000];
};

static void *free_all(void *arg)
{
    struct crossing *crossing = arg;
    liballoc_cache_free_bulk(crossing->cache, 1000, crossing->mem);
    return NULL;
}

static void *alloc_all(void *arg)
{
    struct crossing *crossing = arg;
    for (int i = 0; i < 1000; i++) {
        crossing->mem[i] = liballoc_cache_alloc(crossing->cache, 0);
    }
    return NULL;
}

TEST(cache, objects_cross_threads_in_constructed_state)
{
    static struct crossing crossing;
    crossing.cache =
        liballoc_cache_create("cross", sizeof(struct thing), 0, 0, construct);
    REQUIRE(crossing.cache != NULL);
    for (int round = 0; round < 50; round++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, alloc_all, &crossing) == 0);
        pthread_join(thread, NULL);
        for (int i = 0; i < 1000; i++) {
            struct thing *thing = crossing.mem[i];
            REQUIRE(thing != NULL);
            CHECK_EQ(thing->magic, 0x7468696e67);
        }
        REQUIRE(pthread_create(&thread, NULL, free_all, &crossing) == 0);
        pthread_join(thread, NULL);
    }
    CHECK_EQ(liballoc_cache_destroy(crossing.cache), 0);
}
