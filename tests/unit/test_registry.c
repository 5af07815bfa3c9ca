/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

TEST_CHILD(registry, the_first_heap_is_1_and_the_main_arena)
{
    heap_start();
    CHECK_EQ(heap_count, 2);
    CHECK(thread_own != NULL && thread_own == heap_front() &&
          thread_own == heap_back());
    CHECK(heap_by_id(1) == thread_own);
    CHECK(heap_shared() == thread_own);
    CHECK_EQ(thread_own->id, 1);
    CHECK_EQ(thread_own->state, HEAP_OWNED);
    CHECK(thread_own->arena.is_main);
    CHECK(heap_get() == thread_own);
}

TEST_CHILD(registry, every_small_size_leads_to_the_bin_of_its_class)
{
    heap_start();
    for (size_t size = 0; size <= SMALL_MAX; size++) {
        size_t offset = thread_own->bin_offset[(size + 15) >> 4];
        const struct bin *bin =
            (const void *)((const char *)thread_own->bins + offset);
        unsigned want = bin_for(size == 0 ? 1 : round_up(size, 16));
        CHECK(bin == &thread_own->bins[want]);
    }
}

TEST_CHILD(registry, the_dummy_sends_every_call_down_the_slow_path)
{
    for (size_t i = 0; i < NSIZE_TABLE; i++) {
        CHECK_EQ(heap_dummy.bin_offset[i], 0);
    }
    for (size_t i = 0; i < NHEAPBINS; i++)
        CHECK_EQ(heap_dummy.bins[i].head, NULL);
    CHECK_EQ(heap_dummy.npages, 0);
    heap_start();
    registry_set_slow(SLOW_ALWAYS, true);
    CHECK(heap_front() == &heap_dummy && thread_own != &heap_dummy);
    CHECK(heap_back() == &heap_dummy);
    void *mem = get(100);
    CHECK(mem != NULL);
    heap_free(mem);
    registry_set_slow(SLOW_ALWAYS, false);
    CHECK(heap_front() == thread_own && heap_back() == thread_own);
}

static struct heap *seen;
static void *block;

static void *take_one(void *size)
{
    block = get((uintptr_t)size);
    seen = thread_own;
    return NULL;
}

TEST_CHILD(registry, each_thread_has_a_heap_of_its_own)
{
    heap_start();
    run_thread(take_one, (void *)100);
    CHECK(seen != NULL && seen != thread_own);
    CHECK_EQ(heap_count, 3);
    CHECK(heap_by_id(seen->id) == seen);
}

TEST_CHILD(registry, the_heap_of_an_ended_thread_is_idle_and_adopted)
{
    heap_start();
    run_thread(take_one, (void *)100);
    struct heap *first = seen;
    CHECK_EQ(first->state, HEAP_IDLE);
    CHECK_EQ(first->tid, 0);
    run_thread(take_one, (void *)100);
    CHECK(seen == first);
    CHECK_EQ(heap_count, 3);
    for (int i = 0; i < 50; i++)
        run_thread(take_one, (void *)100);
    CHECK_EQ(heap_count, 3);
    check_heap(first);
}

TEST_CHILD(registry, blocks_outlive_their_thread)
{
    heap_start();
    run_thread(take_one, (void *)3000);
    memset(block, 4, 3000);
    CHECK(usable(block) >= 3000);
    heap_free(block);
    remote_flush(thread_own);
    check_heap(seen);
}

static void *free_only(void *mem)
{
    heap_free(mem);
    seen = thread_own;
    return NULL;
}

TEST_CHILD(registry, a_thread_that_only_frees_gets_no_heap)
{
    heap_start();
    for (size_t size = 100; size < 100 * MIB; size *= 10) {
        run_thread(free_only, get(size));
        CHECK(seen == NULL);
    }
    CHECK_EQ(heap_count, 2);
    heap_trim(0);
    check_heap(thread_own);
}

TEST_CHILD(registry, beyond_arena_max_threads_share_the_first_heap)
{
    tunables.arena_max = 1;
    heap_start();
    run_thread(take_one, (void *)100);
    CHECK(seen == NULL);
    CHECK(block != NULL);
    CHECK_EQ(heap_count, 2);
    memset(block, 1, 100);
    heap_free(block);
    run_thread(take_one, (void *)(100 * MIB));
    CHECK(block != NULL);
    heap_free(block);
    check_heap(thread_own);
}

static void *take_and_free(void *unused)
{
    void *mem[2000];

    for (int i = 0; i < 2000; i++)
        mem[i] = get(64 + (size_t)i % 900);
    for (int i = 0; i < 2000; i++)
        heap_free(mem[i]);
    seen = thread_own;
    return unused;
}

static size_t count_in_bins(const struct heap *heap)
{
    size_t count = 0;

    for (unsigned i = 0; i < NHEAPBINS; i++) {
        const struct bin *bin = &heap->bins[i];
        for (struct free_object *it = bin->head; it != NULL; it = it->next)
            count++;
        count += bin->spare_count;
    }
    return count;
}

TEST_CHILD(registry, bins_of_idle_heaps_are_flushed)
{
    heap_start();
    run_thread(take_and_free, NULL);
    CHECK(count_in_bins(seen) > 0);
    registry_flush_idle(os_time_ms());
    CHECK_EQ(count_in_bins(seen), 0);
    CHECK(seen->idle_flushed);
    check_heap(seen);
    registry_flush_idle(os_time_ms());
    run_thread(take_one, (void *)100);
    CHECK_EQ(heap_count, 3);
}

static void count_heap(struct heap *heap, void *data)
{
    CHECK(heap != NULL && heap_by_id(heap->id) == heap);
    ++*(unsigned *)data;
}

TEST_CHILD(registry, walk_visits_every_heap)
{
    unsigned count = 0;

    heap_start();
    run_thread(take_one, (void *)100);
    registry_walk(count_heap, &count);
    CHECK_EQ(count, 2);
}

TEST_CHILD(registry, lock_all_takes_every_heap_and_gives_it_back)
{
    heap_start();
    run_thread(take_one, (void *)100);
    registry_lock_all();
    CHECK(lock_is_mine(&registry_lock));
    CHECK(lock_is_mine(&seen->lock) && lock_is_mine(&thread_own->lock));
    CHECK(registry_is_busy());
    registry_unlock_all();
    CHECK(!registry_is_busy());
    CHECK_EQ(lock_held_count(), 0);
    heap_free(get(100));
    run_thread(take_one, (void *)100);
}

static void *hold_heap(void *sems)
{
    sem_t *sem = sems;

    take_one((void *)100);
    sem_post(&sem[0]);
    sem_wait(&sem[1]);
    return NULL;
}

TEST_CHILD(registry, in_the_child_of_a_fork_other_heaps_are_orphans)
{
    sem_t sems[2];
    pthread_t thread;

    heap_start();
    sem_init(&sems[0], 0, 0);
    sem_init(&sems[1], 0, 0);
    REQUIRE(pthread_create(&thread, NULL, hold_heap, sems) == 0);
    sem_wait(&sems[0]);
    registry_lock_all();
    registry_reset_child(lock_reset);
    CHECK_EQ(seen->state, HEAP_ORPHAN);
    CHECK_EQ(thread_own->state, HEAP_OWNED);
    CHECK(!registry_is_busy());
    /* What the orphan's blocks hold comes home by whoever frees it. */
    heap_free(block);
    remote_flush(thread_own);
    check_heap(seen);
    heap_free(get(5000));
    sem_post(&sems[1]);
    pthread_join(thread, NULL);
}

TEST_CHILD(registry, a_retired_heap_takes_no_part_in_the_thread_any_more)
{
    heap_start();
    struct heap *own = thread_own;
    thread_own = NULL;
    thread_fronts = (struct thread_fronts){&heap_dummy, &heap_dummy};
    registry_retire(own);
    CHECK_EQ(own->state, HEAP_IDLE);
    CHECK(heap_get() == own); /* adopted again: there is no other */
    CHECK_EQ(own->state, HEAP_OWNED);
}
