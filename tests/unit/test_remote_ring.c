/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

/* A ring of threads: each frees what the one before it allocated. */
enum { RING = 4, ROUNDS = 40, PER_ROUND = 300 };
static _Atomic(void *) boxes[RING][PER_ROUND];

static void *ring(void *arg)
{
    size_t me = (uintptr_t)arg;
    uint64_t seed = me + 1;

    for (int round = 0; round < ROUNDS * PER_ROUND; round++) {
        size_t i = (size_t)round % PER_ROUND;
        size_t size = 24 + random_from(&seed) % (round % 16 == 0 ? 60000 : 700);
        size_t *mem = get(size);
        CHECK(mem != NULL);
        if (mem == NULL)
            continue;
        mem[0] = size;
        mem[size / 8 - 1] = size;
        void *old = atomic_exchange(&boxes[(me + 1) % RING][i], mem);
        if (old != NULL) {
            size_t was = *(size_t *)old;
            CHECK(was >= 24 && was <= 60024);
            CHECK_EQ(((size_t *)old)[was / 8 - 1], was);
            heap_free(old);
        }
        if (round % 1000 == 0)
            heap_trim(0);
    }
    return NULL;
}

static void run_ring(void)
{
    pthread_t threads[RING];

    for (uintptr_t i = 0; i < RING; i++)
        REQUIRE(pthread_create(&threads[i], NULL, ring, (void *)i) == 0);
    for (int i = 0; i < RING; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < RING; i++) {
        for (int n = 0; n < PER_ROUND; n++) {
            void *mem = atomic_exchange(&boxes[i][n], NULL);
            if (mem != NULL)
                heap_free(mem);
        }
    }
    heap_trim(0);
    for (uint32_t id = 1; id < heap_count; id++) {
        check_heap(heap_by_id(id));
        for (unsigned cls = 0; cls < NSLAB; cls++)
            CHECK_EQ(heap_by_id(id)->slab_caches[cls].nr_slabs, 0);
    }
}

TEST_CHILD(remote_ring, threads_hand_blocks_on_and_nothing_is_lost)
{
    heap_start();
    run_ring();
}

TEST_CHILD(remote_ring, threads_hand_chunks_on_in_classic_mode)
{
    heap_start_classic();
    run_ring();
}

TEST_CHILD(remote_ring, threads_hand_blocks_on_without_membarrier)
{
    heap_start();
    os_membarrier_works = false;
    run_ring();
}
