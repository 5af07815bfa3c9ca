/* SPDX-License-Identifier: MIT */
#include "unit_harden.h"

enum { NBLOCKS = 64 * 1024, THREADS = 4, ROUNDS = 20000 };

static char *zero_get(void)
{
    char *mem = zero_block_alloc();

    REQUIRE(mem != NULL);
    CHECK(zero_block_holds(mem));
    return mem;
}

TEST_CHILD(zero_block, without_addresses_there_is_none)
{
    CHECK(zero_block_alloc() == NULL);
    CHECK(!zero_block_holds(NULL));
    fault(OS_MMAP, 1, true);
    zero_block_init();
    fault_none();
    CHECK_EQ(zero_block_span, 0);
    CHECK(zero_block_alloc() == NULL);
}

TEST_CHILD(zero_block, addresses_are_distinct_until_all_are_taken)
{
    static bool seen[NBLOCKS];

    zero_block_init();
    for (size_t i = 0; i < NBLOCKS; i++) {
        char *mem = zero_get();
        size_t offset = (size_t)((uintptr_t)mem - zero_block_base);
        CHECK_EQ(offset % 16, 0);
        CHECK(!seen[offset / 16]);
        seen[offset / 16] = true;
    }
    CHECK(zero_block_alloc() == NULL);
    void *one = (void *)(zero_block_base + 16 * 777);
    zero_block_check(one);
    zero_block_free(one);
    CHECK(zero_block_alloc() == one);
    CHECK(zero_block_alloc() == NULL);
}

TEST_CHILD(zero_block, holds_its_span_and_no_more)
{
    zero_block_init();
    CHECK(zero_block_holds((void *)zero_block_base));
    CHECK(zero_block_holds((void *)(zero_block_base + zero_block_span - 1)));
    CHECK(!zero_block_holds((void *)(zero_block_base + zero_block_span)));
    CHECK(!zero_block_holds((void *)(zero_block_base - 1)));
}

static void touch_it(UNUSED void *unused)
{
    zero_block_init();
    *(volatile char *)zero_get() = 1;
}

TEST(zero_block, may_not_be_touched)
{
    if (is_sanitized)
        SKIP("the sanitizer handles SIGSEGV");
    int status = test_child(touch_it, NULL, NULL, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void *churn(UNUSED void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        char *one = zero_block_alloc();
        char *two = zero_block_alloc();
        CHECK(one != NULL && two != NULL && one != two);
        zero_block_free(one);
        zero_block_free(two);
    }
    return NULL;
}

TEST_CHILD(zero_block, threads_never_share_one)
{
    pthread_t threads[THREADS];

    zero_block_init();
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, churn, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < NBLOCKS; i++)
        CHECK(zero_block_alloc() != NULL);
    CHECK(zero_block_alloc() == NULL);
}

TEST_DIES(zero_block, freed_twice_is_fatal,
          "double free or corruption (zero size)")
{
    zero_block_init();
    char *mem = zero_get();
    zero_block_free(mem);
    zero_block_free(mem);
}

TEST_DIES(zero_block, between_two_is_fatal, "free(): invalid pointer")
{
    zero_block_init();
    zero_block_free(zero_get() + 8);
}

TEST_DIES(zero_block, size_of_a_freed_one_is_fatal,
          "double free or corruption (zero size)")
{
    zero_block_init();
    char *mem = zero_get();
    zero_block_free(mem);
    zero_block_check(mem);
}
