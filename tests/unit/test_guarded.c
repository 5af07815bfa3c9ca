/* SPDX-License-Identifier: MIT */
#include "unit_harden.h"

#include "os/os_env.h"

enum { NSLOTS = GUARDED_SLOTS, THREADS = 4, ROUNDS = 500 };

static unsigned char *guarded_get(size_t size, size_t align)
{
    unsigned char *mem = guarded_alloc(size, align);

    REQUIRE(mem != NULL);
    CHECK(guarded_holds(mem));
    CHECK_EQ((uintptr_t)mem % align, 0);
    CHECK_EQ(guarded_size(mem), size);
    CHECK(is_filled(mem, 0, size));
    return mem;
}

TEST_CHILD(guarded, without_addresses_there_is_none)
{
    CHECK(guarded_alloc(16, 16) == NULL);
    CHECK(!guarded_is_due());
    fault(OS_MMAP, 1, true);
    guarded_init();
    fault_none();
    CHECK_EQ(guarded_pool.span, 0);
    CHECK(!guarded_holds(NULL));
}

TEST_CHILD(guarded, serves_what_a_page_can_hold)
{
    guarded_init();
    CHECK(guarded_alloc(0, 16) == NULL);
    CHECK(guarded_alloc(os_page_size() + 1, 16) == NULL);
    CHECK(guarded_alloc(1, 2 * os_page_size()) == NULL);
    for (size_t size = 1; size <= os_page_size(); size = size * 5 / 4 + 1) {
        unsigned char *mem = guarded_get(size, 16);
        memset(mem, 0xee, size);
        guarded_free(mem);
    }
    for (size_t align = 16; align <= os_page_size(); align *= 2)
        guarded_free(guarded_get(100, align));
}

TEST_CHILD(guarded, three_of_four_end_at_their_page)
{
    unsigned at_end = 0;

    guarded_init();
    for (int i = 0; i < NSLOTS; i++) {
        uintptr_t mem = (uintptr_t)guarded_get(48, 16);
        at_end += (mem + 48) % os_page_size() == 0;
        CHECK((mem + 48) % os_page_size() == 0 || mem % os_page_size() == 0);
    }
    CHECK_EQ(at_end, NSLOTS / 4 * 3);
}

TEST_CHILD(guarded, when_all_are_out_there_is_none)
{
    unsigned char *live[NSLOTS];

    guarded_init();
    for (int i = 0; i < NSLOTS; i++)
        live[i] = guarded_get(100, 16);
    CHECK(guarded_alloc(100, 16) == NULL);
    for (int i = 0; i < NSLOTS; i++) {
        memset(live[i], i, 100);
        CHECK(is_filled(live[i], i, 100));
        guarded_free(live[i]);
    }
    /* The pages are as new. */
    for (int i = 0; i < NSLOTS; i++)
        guarded_get(os_page_size(), 16);
}

TEST_CHILD(guarded, without_memory_there_is_none_and_the_slot_is_kept)
{
    guarded_init();
    fault(OS_MPROTECT, 1, true);
    for (int i = 0; i < NSLOTS; i++)
        CHECK(guarded_alloc(100, 16) == NULL);
    fault_none();
    for (int i = 0; i < NSLOTS; i++)
        guarded_get(100, 16);
}

TEST_CHILD(guarded, what_cannot_be_purged_is_overwritten)
{
    guarded_init();
    for (int i = 0; i < NSLOTS; i++) {
        unsigned char *mem = guarded_get(100, 16);
        memset(mem, 0xee, 100);
        fault(OS_MADVISE, 1, true);
        guarded_free(mem);
        fault_none();
    }
    for (int i = 0; i < NSLOTS; i++)
        guarded_get(os_page_size(), 16);
}

static const struct guarded_slot *slot_of(const void *mem)
{
    size_t size = os_page_size();
    size_t page = ((uintptr_t)mem - guarded_pool.base) / size;

    REQUIRE(page % 2 == 1 && page / 2 < NSLOTS);
    uintptr_t start = guarded_page(guarded_pool.base, page / 2, size);
    CHECK((uintptr_t)mem - start < size);
    return &guarded_pool.slots[page / 2];
}

static void check_slot(const unsigned char *mem, uint32_t state, uint32_t tid)
{
    const struct guarded_slot *slot = slot_of(mem);

    CHECK_EQ(slot->state, state);
    CHECK_EQ(slot->mem, (uintptr_t)mem);
    CHECK_EQ(slot->size, 30);
    CHECK_EQ(slot->tid, tid);
}

static void *free_one(void *mem)
{
    guarded_free(mem);
    return (void *)(uintptr_t)os_tid();
}

static void free_elsewhere(unsigned char *mem)
{
    pthread_t thread;
    void *tid;

    REQUIRE(pthread_create(&thread, NULL, free_one, mem) == 0);
    pthread_join(thread, &tid);
    check_slot(mem, GUARDED_FREED, (uint32_t)(uintptr_t)tid);
}

static void check_unused(void)
{
    for (int i = 0; i < NSLOTS; i++)
        CHECK_EQ(guarded_pool.slots[i].state, GUARDED_NEVER);
}

TEST_CHILD(guarded, slots_say_what_their_last_block_was_and_whose)
{
    guarded_init();
    CHECK_EQ(guarded_pool.span, (2 * NSLOTS + 1) * os_page_size());
    check_unused();
    for (int i = 0; i < NSLOTS; i++) {
        unsigned char *mem = guarded_get(30, 16);
        check_slot(mem, GUARDED_LIVE, os_tid());
        CHECK_EQ(guarded_fill((uintptr_t)mem + 30), 2);
        CHECK(is_filled(mem + 30, GUARDED_FILL, 2));
        free_elsewhere(mem);
    }
}

TEST_CHILD(guarded, samples_come_one_in_so_many)
{
    enum { CALLS = 100000, SAMPLE = 100 };
    unsigned due = 0;

    tunables.guard_sample = SAMPLE;
    guarded_init();
    CHECK(!guarded_is_due()); /* the first call only starts the countdown */
    for (int i = 0; i < CALLS; i++)
        due += guarded_is_due();
    CHECK(due > CALLS / SAMPLE / 2 && due < CALLS / SAMPLE * 2);
}

TEST_CHILD(guarded, one_in_one_is_every_call)
{
    tunables.guard_sample = 1;
    guarded_init();
    CHECK(!guarded_is_due());
    for (int i = 0; i < 100; i++)
        CHECK(guarded_is_due());
}

static void *churn(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        unsigned char *mem = guarded_alloc(64, 16);
        if (mem == NULL)
            continue; /* eight slots in a row were out */
        CHECK(is_filled(mem, 0, 64));
        memset(mem, *(int *)arg, 64);
        CHECK(is_filled(mem, *(int *)arg, 64));
        guarded_free(mem);
    }
    return NULL;
}

TEST_CHILD(guarded, threads_never_share_a_slot)
{
    pthread_t threads[THREADS];
    int names[THREADS];

    guarded_init();
    for (int i = 0; i < THREADS; i++) {
        names[i] = i + 1;
        REQUIRE(pthread_create(&threads[i], NULL, churn, &names[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

TEST_DIES(guarded, freed_twice_is_fatal, "double free or corruption (guarded)")
{
    guarded_init();
    unsigned char *mem = guarded_get(32, 16);
    guarded_free(mem);
    guarded_free(mem);
}

TEST_DIES(guarded, an_interior_pointer_is_fatal, "invalid pointer")
{
    guarded_init();
    guarded_free(guarded_get(32, 16) + 16);
}

TEST_DIES(guarded, a_pointer_into_a_guard_is_fatal, "invalid pointer")
{
    guarded_init();
    guarded_get(32, 16);
    guarded_free((void *)guarded_pool.base);
}

TEST_DIES(guarded, a_slot_never_used_is_fatal, "invalid pointer")
{
    guarded_init();
    guarded_free((void *)(guarded_pool.base + os_page_size()));
}

TEST_DIES(guarded, an_overrun_within_its_unit_is_fatal,
          "corrupted block (overrun)")
{
    guarded_init();
    unsigned char *mem = guarded_get(30, 16);
    mem[30] = 0;
    guarded_free(mem);
}

/* A child that must die of SIGSEGV. */
static void check_fault(void (*fn)(void *unused))
{
    if (is_sanitized)
        SKIP("the sanitizer handles SIGSEGV");
    int status = test_child(fn, NULL, NULL, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void write_beyond(UNUSED void *unused)
{
    guarded_init();
    volatile unsigned char *mem = guarded_get(32, 16);
    mem[32] = 1;
}

TEST(guarded, the_page_behind_may_not_be_touched)
{
    check_fault(write_beyond);
}

static void read_freed(UNUSED void *unused)
{
    guarded_init();
    unsigned char *mem = guarded_get(32, 16);
    guarded_free(mem);
    CHECK(*(volatile unsigned char *)mem == 0);
}

TEST(guarded, a_freed_one_may_not_be_touched)
{
    check_fault(read_freed);
}
