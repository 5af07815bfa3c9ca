/* SPDX-License-Identifier: MIT */
#include "unit_page.h"

#include "page/meta.h"

#include <pthread.h>

TEST(meta, memory_is_zeroed_aligned_and_its_own)
{
    unsigned char *last = NULL;

    for (size_t size = 1; size < 3000; size += 37) {
        unsigned char *mem = meta_alloc(size, 64);
        REQUIRE(mem != NULL);
        CHECK_EQ((uintptr_t)mem % 64, 0);
        CHECK(is_filled(mem, 0, size));
        memset(mem, 0xff, size);
        CHECK(mem != last);
        last = mem;
    }
}

TEST(meta, what_is_larger_than_a_step_comes_too)
{
    unsigned char *mem = meta_alloc(3 * (size_t)MIB + 1, 64);

    REQUIRE(mem != NULL);
    CHECK(is_filled(mem, 0, 3 * (size_t)MIB + 1));
    memset(mem, 1, 3 * (size_t)MIB + 1);
}

TEST(meta, bytes_are_counted)
{
    size_t before = meta_bytes();

    CHECK(meta_alloc(100, 64) != NULL);
    CHECK_EQ(meta_bytes() - before, 128);
}

TEST_CHILD(meta, no_memory_is_null_and_changes_nothing)
{
    size_t before = meta_bytes();

    fault(OS_MMAP, 1, true);
    CHECK(meta_alloc(64 * (size_t)MIB, 64) == NULL);
    CHECK_EQ(meta_bytes(), before);
    fault_none();
    CHECK(meta_alloc(64, 64) != NULL);
}

static void *take(void *unused)
{
    for (int i = 0; i < 2000; i++) {
        size_t *mem = meta_alloc(64, 64);
        CHECK(mem != NULL && *mem == 0);
        if (mem != NULL)
            *mem = 1;
    }
    return unused;
}

TEST(meta, threads_never_get_the_same)
{
    pthread_t threads[3];

    for (size_t i = 0; i < 3; i++)
        REQUIRE(pthread_create(&threads[i], NULL, take, NULL) == 0);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}
