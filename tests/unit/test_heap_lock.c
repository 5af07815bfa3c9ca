/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

enum { HELPERS = 2, HELPED_ENOUGH = 300, ROUNDS_MAX = 20000000 };

static struct heap *heap;
static atomic_bool stop;
static long guarded;       /* Protected by: heap's lock */
static atomic_long helped; /* times a helper was inside */
static sem_t started;

/* The owner enters as often as it can. */
static void *owner_body(void *count)
{
    heap_get();
    heap = thread_own;
    sem_post(&started);
    long entered = 0;
    while (atomic_load(&helped) < HELPED_ENOUGH && entered < ROUNDS_MAX) {
        entered += 2;
        heap_lock(heap);
        guarded++;
        heap_unlock(heap);
        uint32_t epoch = heap_enter_works() ? heap_try_enter(heap) : 1;
        if ((epoch & 1) == 0) {
            guarded++;
            heap_leave(heap, epoch);
        } else {
            heap_lock(heap);
            guarded++;
            heap_unlock(heap);
        }
    }
    atomic_store(&stop, true);
    *(long *)count = entered;
    return NULL;
}

NO_THREAD_SAFETY static void *helper_body(void *unused)
{
    long count = 0;

    while (!atomic_load(&stop)) {
        if (count % 2 == 0) {
            heap_lock_remote(heap);
        } else if (!heap_try_lock_remote(heap)) {
            count++;
            continue;
        }
        guarded++;
        atomic_fetch_add(&helped, 1);
        heap_unlock_remote(heap);
        count++;
    }
    return unused;
}

static void exclude(void)
{
    pthread_t owner;
    pthread_t helpers[HELPERS];
    long entered = 0;

    sem_init(&started, 0, 0);
    REQUIRE(pthread_create(&owner, NULL, owner_body, &entered) == 0);
    sem_wait(&started);
    for (int i = 0; i < HELPERS; i++)
        REQUIRE(pthread_create(&helpers[i], NULL, helper_body, NULL) == 0);
    pthread_join(owner, NULL);
    for (int i = 0; i < HELPERS; i++)
        pthread_join(helpers[i], NULL);
    CHECK_EQ(guarded, entered + helped);
    CHECK(helped >= HELPED_ENOUGH);
    CHECK_EQ(atomic_load(&heap->epoch) & 1, 0);
    CHECK_EQ(lock_held_count(), 0);
}

TEST_CHILD(heap_lock, owner_and_helpers_exclude_each_other)
{
    heap_start();
    exclude();
}

TEST_CHILD(heap_lock, they_do_without_membarrier_too)
{
    heap_start();
    os_membarrier_works = false;
    exclude();
}

TEST_CHILD(heap_lock, the_owner_is_inside_while_the_epoch_is_odd)
{
    heap_start();
    if (!config_biased)
        return;
    CHECK(!registry_is_busy());
    heap_lock_owner(thread_own);
    CHECK(registry_is_busy());
    CHECK_EQ(atomic_load(&thread_own->epoch) & 1, 1);
    heap_unlock_owner(thread_own);
    CHECK(!registry_is_busy());
}

static bool seen_try;

NO_THREAD_SAFETY static void *try_it(void *of)
{
    seen_try = heap_try_lock_remote(of);
    if (seen_try)
        heap_unlock_remote(of);
    return NULL;
}

TEST_CHILD(heap_lock, a_helper_gives_up_while_the_owner_stays_inside)
{
    heap_start();
    heap_lock(thread_own);
    run_thread(try_it, thread_own);
    CHECK(!seen_try);
    heap_unlock(thread_own);
    run_thread(try_it, thread_own);
    CHECK(seen_try);
}
