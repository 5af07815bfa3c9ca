/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

#include "page/reclaim.h"

static const size_t sizes[] = {
    0,    1,     8,     16,    17,     100,    1024,    1025,    4096,
    4097, 16384, 16385, 70000, 262144, 262145, 1000000, 5000000, 90000000};

/* Allocates each size, writes to all of it, frees it; twice. */
static void come_and_go(void)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
            unsigned char *mem = get(sizes[i]);
            REQUIRE(mem != NULL);
            CHECK_EQ((uintptr_t)mem % 16, 0);
            CHECK(usable(mem) >= sizes[i]);
            memset(mem, 0xab, usable(mem));
            heap_free(mem);
        }
        check_heap(thread_own);
    }
}

TEST_CHILD(heap, blocks_of_every_size_come_and_go)
{
    heap_start();
    come_and_go();
}

TEST_CHILD(heap, blocks_of_every_size_come_and_go_in_classic_mode)
{
    heap_start_classic();
    come_and_go();
    CHECK_EQ(kind_of(get(24)), BLOCK_CHUNK);
}

TEST_CHILD(heap, the_first_objects_of_a_class_are_chunks)
{
    tunables.slab_after = 20;
    REQUIRE(heap_try_start());
    for (int i = 0; i < 20; i++)
        CHECK_EQ(kind_of(get(100)), BLOCK_CHUNK);
    CHECK_EQ(kind_of(get(100)), BLOCK_SLAB);
    CHECK_EQ(kind_of(get(120)), BLOCK_CHUNK);
    /* 4 KiB of them: the first page that a slab would touch. */
    CHECK_EQ(kind_of(get(2048)), BLOCK_CHUNK);
    CHECK_EQ(kind_of(get(2048)), BLOCK_CHUNK);
    CHECK_EQ(kind_of(get(2048)), BLOCK_SLAB);
    CHECK_EQ(kind_of(heap_alloc_aligned(400, 64)), BLOCK_SLAB);
}

TEST_CHILD(heap, each_size_is_of_its_kind)
{
    heap_start();
    CHECK_EQ(kind_of(get(0)), BLOCK_SLAB);
    CHECK_EQ(kind_of(get(tunables.slab_max)), BLOCK_SLAB);
    CHECK_EQ(kind_of(get(tunables.slab_max + 1)), BLOCK_CHUNK);
    CHECK_EQ(kind_of(get(MEDIUM_MAX)), BLOCK_CHUNK);
    CHECK_EQ(kind_of(get(MEDIUM_MAX + CHUNK_OVERHEAD + 1)), BLOCK_RUN);
    CHECK_EQ(kind_of(get(tunables.mmap_threshold)), BLOCK_MMAPPED);
}

TEST_CHILD(heap, absurd_sizes_are_no_memory)
{
    heap_start();
    CHECK(get((size_t)PTRDIFF_MAX + 1) == NULL);
    CHECK(get(SIZE_MAX) == NULL);
    CHECK(get(PTRDIFF_MAX) == NULL);
    CHECK(heap_alloc_aligned(SIZE_MAX, 64) == NULL);
    CHECK(heap_alloc_aligned(64, (size_t)1 << 63) == NULL);
    CHECK(heap_alloc_aligned(64, (size_t)1 << 62) == NULL);
    void *mem = get(100);
    CHECK(heap_realloc(mem, SIZE_MAX) == NULL);
    CHECK(heap_realloc(mem, PTRDIFF_MAX) == NULL);
    heap_free(mem);
    check_heap(thread_own);
}

static void align_all(void)
{
    static const size_t some[] = {1, 24, 100, 1000, 5000, 70000, 300000};

    for (size_t align = 32; align <= 16 * MIB; align *= 2) {
        for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
            unsigned char *mem = heap_alloc_aligned(some[i], align);
            REQUIRE(mem != NULL);
            CHECK_EQ((uintptr_t)mem % align, 0);
            CHECK(usable(mem) >= some[i]);
            memset(mem, 1, usable(mem));
            heap_free(mem);
        }
        check_heap(thread_own);
    }
}

TEST_CHILD(heap, blocks_of_every_alignment_come_and_go)
{
    heap_start();
    align_all();
}

TEST_CHILD(heap, blocks_of_every_alignment_come_and_go_in_classic_mode)
{
    heap_start_classic();
    align_all();
}

TEST_CHILD(heap, fresh_memory_reads_as_zero)
{
    heap_start();
    for (int round = 0; round < 4; round++) {
        for (size_t size = 300000; size < 9 * MIB; size *= 2) {
            bool fresh = false;
            char *mem = heap_alloc(size, &fresh);
            REQUIRE(mem != NULL);
            if (fresh)
                CHECK(is_filled(mem, 0, size));
            memset(mem, 0xcc, usable(mem));
            heap_free(mem);
        }
        if (round % 2 == 1)
            heap_trim(0);
    }
}

/* Grows and shrinks through all sizes; the contents stay. */
static void realloc_all(void)
{
    unsigned char *mem = get(1);
    size_t had = 1;

    REQUIRE(mem != NULL);
    mem[0] = 0;
    for (int round = 0; round < 400; round++) {
        size_t size = 1 + random_below((size_t)1 << random_below(24));
        unsigned char *moved = heap_realloc(mem, size);
        REQUIRE(moved != NULL);
        size_t kept = min_size(had, size);
        CHECK(is_filled(moved, round & 0xff, kept));
        CHECK(usable(moved) >= size);
        memset(moved, (round + 1) & 0xff, size);
        mem = moved;
        had = size;
    }
    heap_free(mem);
    check_heap(thread_own);
}

TEST_CHILD(heap, realloc_keeps_the_contents)
{
    heap_start();
    realloc_all();
}

TEST_CHILD(heap, realloc_keeps_the_contents_in_classic_mode)
{
    heap_start_classic();
    realloc_all();
}

TEST_CHILD(heap, realloc_within_the_block_stays)
{
    heap_start();
    for (size_t i = 5; i < ARRAY_SIZE(sizes); i++) {
        void *mem = get(sizes[i]);
        /* mremap() may move as it likes: qemu-user's does. */
        if (kind_of(mem) != BLOCK_MMAPPED) {
            CHECK(heap_realloc(mem, sizes[i] - sizes[i] / 8) == mem);
            CHECK(heap_realloc(mem, sizes[i]) == mem);
        }
        heap_free(mem);
    }
}

TEST_CHILD(heap, a_failed_realloc_leaves_the_block)
{
    heap_start();
    unsigned char *mem = get(5000);
    memset(mem, 5, 5000);
    zone_close(&zones[0]);
    fault(OS_MMAP, 1, true);
    CHECK(heap_realloc(mem, 50 * (size_t)MIB) == NULL);
    fault_none();
    CHECK(is_filled(mem, 5, 5000));
    CHECK(usable(mem) >= 5000);
    heap_free(mem);
    check_heap(thread_own);
}

enum { MANY = 20000 };
static void *many[MANY];

TEST_CHILD(heap, trim_gives_all_free_memory_back)
{
    heap_start();
    for (int i = 0; i < MANY; i++) {
        size_t size = 16 + random_below(4000);
        many[i] = get(size);
        REQUIRE(many[i] != NULL);
        memset(many[i], 1, size);
    }
    for (int i = 0; i < MANY; i++)
        heap_free(many[i]);
    heap_trim(0);
    CHECK(reclaim_total() > 16 * MIB);
    check_heap(thread_own);
    CHECK(zone_live_pages() < 64);
    CHECK_EQ(zones[0].nr_dirty, 0);
    CHECK(get(100) != NULL);
}

TEST_CHILD(heap, freed_memory_is_used_again)
{
    heap_start();
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < MANY; i++)
            many[i] = get(200);
        for (int i = 0; i < MANY; i++)
            heap_free(many[i]);
    }
    CHECK(zones[0].frontier - zones[0].first <
          2 * MANY * 208 / PAGE_BYTES + 256);
}

/* Frees a block of that size twice. */
static void free_twice(void *size)
{
    heap_start();
    get((uintptr_t)size);
    void *mem = get((uintptr_t)size);
    heap_free(mem);
    heap_free(mem);
}

TEST(heap, a_double_free_of_any_size_is_fatal)
{
    char text[512];

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int status = test_child(free_twice, (void *)(uintptr_t)sizes[i], text,
                                sizeof(text));
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
            (strstr(text, "double free") == NULL &&
             strstr(text, "invalid pointer") == NULL))
            TEST_FAILED("size %zu: status %d, %s", sizes[i], status, text);
    }
}

static void free_interior(void *size)
{
    heap_start();
    char *mem = get((uintptr_t)size);
    memset(mem, 0, (uintptr_t)size);
    heap_free(mem + ((uintptr_t)size > 64 ? 32 : 8));
}

TEST(heap, a_free_inside_a_block_of_any_size_is_fatal)
{
    char text[512];

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int status = test_child(free_interior, (void *)(uintptr_t)sizes[i],
                                text, sizeof(text));
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
            strstr(text, "invalid pointer") == NULL)
            TEST_FAILED("size %zu: status %d, %s", sizes[i], status, text);
    }
}

TEST_DIES(heap, a_free_of_the_stack_is_fatal, "invalid pointer")
{
    char here[64] = "";

    heap_start();
    heap_free(here + 16);
}

TEST_DIES(heap, a_free_of_memory_never_handed_out_is_fatal, "invalid pointer")
{
    heap_start();
    char *mem = get(2048);
    heap_free(mem + 10 * (size_t)2048);
}

TEST_CHILD(heap, all_caches_are_tried_before_giving_up)
{
    heap_start();
    for (int i = 0; i < 2000; i++)
        many[i] = get(1000);
    for (int i = 0; i < 2000; i++)
        heap_free(many[i]);
    zone_close(&zones[0]);
    fault(OS_MMAP, 1, true);
    /* Nothing new can be had: bins and slabs must give theirs. */
    CHECK(get(200 * (size_t)KIB) != NULL);
}
