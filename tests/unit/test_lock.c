/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/lock.h"

#include <pthread.h>
#include <time.h>

enum { THREADS = 4, ROUNDS = 50000 };

static struct lock shared = LOCK_INIT(LOCK_RANK_HEAP);
static long counter; /* Protected by: shared */

static void *count_up(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        lock_acquire(&shared);
        counter++;
        lock_release(&shared);
    }
    return unused;
}

static void *try_count_up(void *unused)
{
    for (int i = 0; i < ROUNDS;) {
        if (!lock_try_acquire(&shared))
            continue;
        counter++;
        lock_release(&shared);
        i++;
    }
    return unused;
}

static void run_threads(void *(*body)(void *), int n)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < n; i++)
        REQUIRE(pthread_create(&threads[i], NULL, body, NULL) == 0);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

TEST(lock, excludes_other_threads)
{
    counter = 0;
    run_threads(count_up, THREADS);
    CHECK_EQ(counter, (long)THREADS * ROUNDS);
}

TEST(lock, try_excludes_other_threads)
{
    counter = 0;
    run_threads(try_count_up, 2);
    CHECK_EQ(counter, 2L * ROUNDS);
}

/* What another thread sees of `shared`. */
static bool seen_try;
static bool seen_mine;

NO_THREAD_SAFETY static void *look(void *unused)
{
    seen_mine = lock_is_mine(&shared);
    seen_try = lock_try_acquire(&shared);
    if (seen_try)
        lock_release(&shared);
    return unused;
}

TEST(lock, is_mine_only_in_the_thread_that_holds_it)
{
    CHECK(!lock_is_mine(&shared));
    lock_acquire(&shared);
    CHECK(lock_is_mine(&shared));
    run_threads(look, 1);
    lock_release(&shared);
    CHECK(!seen_mine);
    CHECK(!lock_is_mine(&shared));
}

TEST(lock, try_fails_while_another_thread_holds_it)
{
    lock_acquire(&shared);
    run_threads(look, 1);
    lock_release(&shared);
    CHECK(!seen_try);
    run_threads(look, 1);
    CHECK(seen_try);
}

TEST(lock, try_fails_in_the_thread_that_holds_it)
{
    lock_acquire(&shared);
    bool again = lock_try_acquire(&shared);
    CHECK(!again);
    lock_release(&shared);
}

TEST(lock, counts_what_the_thread_holds)
{
    struct lock inner = LOCK_INIT(LOCK_RANK_ZONE);

    CHECK_EQ(lock_held_count(), 0);
    lock_acquire(&shared);
    CHECK_EQ(lock_held_count(), 1);
    lock_acquire(&inner);
    CHECK_EQ(lock_held_count(), 2);
    lock_release(&inner);
    lock_release(&shared);
    CHECK_EQ(lock_held_count(), 0);
}

/* Takes the lock long after the spinning has ended: by the futex. */
static void *wait_for_it(void *done)
{
    lock_acquire(&shared);
    lock_release(&shared);
    atomic_store((atomic_int *)done, 1);
    return NULL;
}

TEST(lock, release_wakes_a_thread_that_sleeps_on_it)
{
    const struct timespec nap = {.tv_nsec = 50 * 1000 * 1000};
    atomic_int done = 0;
    pthread_t thread;

    lock_acquire(&shared);
    int failed = pthread_create(&thread, NULL, wait_for_it, &done);
    nanosleep(&nap, NULL);
    CHECK_EQ(atomic_load(&done), 0);
    CHECK_EQ(atomic_load(&shared.state), 2);
    lock_release(&shared);
    REQUIRE(failed == 0);
    pthread_join(thread, NULL);
    CHECK_EQ(atomic_load(&done), 1);
}

TEST_CHILD(lock, reset_frees_a_lock_of_a_thread_that_is_gone)
{
    struct lock lock = LOCK_INIT(LOCK_RANK_HEAP);

    atomic_store(&lock.state, 2);
    atomic_store(&lock.owner, 0x1234);
    lock_reset(&lock);
    CHECK_EQ(lock_held_count(), 0);
    CHECK(lock_try_acquire(&lock));
}

TEST_CHILD(lock, reset_of_an_own_lock_is_as_a_release)
{
    struct lock high = LOCK_INIT(LOCK_RANK_ZONE);
    struct lock low = LOCK_INIT(LOCK_RANK_HEAPS);

    lock_acquire(&high);
    lock_reset(&high);
    CHECK_EQ(lock_held_count(), 0);
    CHECK(!lock_is_mine(&high));
    lock_acquire(&low); /* no inversion: nothing is held */
    lock_release(&low);
}

TEST_CHILD(lock, reset_foreign_leaves_an_own_lock_taken)
{
    struct lock mine = LOCK_INIT(LOCK_RANK_HEAP);
    struct lock theirs = LOCK_INIT(LOCK_RANK_ZONE);

    lock_acquire(&mine);
    atomic_store(&theirs.state, 1);
    atomic_store(&theirs.owner, 0x1234);
    lock_reset_foreign(&mine);
    lock_reset_foreign(&theirs);
    CHECK(lock_is_mine(&mine));
    CHECK_EQ(lock_held_count(), 1);
    CHECK_EQ(atomic_load(&theirs.state), 0);
    lock_release(&mine);
}

TEST_CHILD(lock, ranks_may_rise)
{
    struct lock locks[LOCK_NRANKS];

    for (unsigned i = 0; i < LOCK_NRANKS; i++) {
        locks[i] = (struct lock)LOCK_INIT(i);
        lock_acquire(&locks[i]);
    }
    CHECK_EQ(lock_held_count(), LOCK_NRANKS);
    for (unsigned i = LOCK_NRANKS; i-- > 0;)
        lock_release(&locks[i]);
    lock_acquire(&locks[0]);
    lock_release(&locks[0]);
}

NO_THREAD_SAFETY static void invert(void *unused)
{
    struct lock high = LOCK_INIT(LOCK_RANK_ZONE);
    struct lock low = LOCK_INIT(LOCK_RANK_HEAP);

    (void)unused;
    lock_acquire(&high);
    lock_acquire(&low);
}

TEST(lock, rank_inversion_is_fatal_in_debug_builds)
{
    if (config_debug == 0)
        SKIP("not a debug build");
    check_death(invert, "assertion failed");
}

TEST_CHILD(lock, try_may_take_a_lower_rank)
{
    struct lock high = LOCK_INIT(LOCK_RANK_ZONE);
    struct lock low = LOCK_INIT(LOCK_RANK_HEAP);

    lock_acquire(&high);
    CHECK(lock_try_acquire(&low));
    lock_release(&low);
    lock_release(&high);
    CHECK_EQ(lock_held_count(), 0);
}

TEST(lock, keeps_errno)
{
    errno = 77;
    lock_acquire(&shared);
    lock_release(&shared);
    CHECK_EQ(errno, 77);
}
