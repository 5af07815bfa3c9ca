/* SPDX-License-Identifier: MIT */
/* Threads that end, that only free, that sleep on their memory. */
#include "black_box.h"
#include "test.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>

static size_t rss(void)
{
    return self_status_bytes("VmRSS:");
}

/* RSS may have grown by `most` since it was `before`. */
static void check_growth(size_t before, size_t most)
{
    size_t now = self_status_bytes("VmRSS:");
    if (now > before + most) {
        TEST_FAILED("RSS grew from %zu to %zu KiB, by %zu KiB at most allowed",
                    before / KIB, now / KIB, most / KIB);
    }
}

static void run_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, body, arg) == 0);
    pthread_join(thread, NULL);
}

enum { LEFT = 10 };

/* 200 blocks of all sizes come and go; ten stay, for the caller. */
static void *allocate_and_leave(void *arg)
{
    void **left = arg;
    void *mem[200];
    for (size_t i = 0; i < 200; i++) {
        size_t size = i * i % 5000 + 1;
        mem[i] = launder(malloc(size));
        memset(mem[i], 1, size);
    }
    for (size_t i = 0; i < 200; i++) {
        if (left != NULL && i < LEFT) {
            left[i] = mem[i];
        } else {
            free(mem[i]);
        }
    }
    return NULL;
}

TEST(thread_exit, ten_thousand_threads_leak_nothing)
{
    for (int i = 0; i < 500; i++) {
        run_thread(allocate_and_leave, NULL);
    }
    size_t before = rss();
    for (int i = 0; i < 9500; i++) {
        run_thread(allocate_and_leave, NULL);
    }
    check_growth(before, 8 * MIB);
}

TEST(thread_exit, blocks_outlive_their_thread)
{
    size_t before = 0;
    for (int i = 0; i < 2000; i++) {
        void *left[LEFT];
        run_thread(allocate_and_leave, left);
        for (size_t j = 0; j < LEFT; j++) {
            CHECK_EQ(*(unsigned char *)left[j], 1);
            free(left[j]);
        }
        before = i == 200 ? rss() : before;
    }
    check_growth(before, 8 * MIB);
}

static pthread_key_t key;
static atomic_int destructor_runs;

/* Allocates in every round of destructors that POSIX grants, and past it. */
static void allocating_destructor(void *value)
{
    unsigned char *mem = value;
    if (mem[0] != 7) {
        _exit(42);
    }
    free(mem);
    for (size_t size = 1; size < 100 * KIB; size *= 3) {
        unsigned char *more = launder(malloc(size));
        memset(more, 1, size);
        free(more);
    }
    atomic_fetch_add(&destructor_runs, 1);
    mem = launder(malloc(60));
    mem[0] = 7;
    pthread_setspecific(key, mem); /* again, next round; the last one leaks */
}

static void *set_key(void *unused)
{
    (void)unused;
    unsigned char *mem = launder(malloc(50));
    mem[0] = 7;
    pthread_setspecific(key, mem);
    return NULL;
}

TEST(thread_exit, tls_destructors_may_allocate)
{
    REQUIRE(pthread_key_create(&key, allocating_destructor) == 0);
    for (int i = 0; i < 500; i++) {
        run_thread(set_key, NULL);
    }
    size_t before = rss();
    for (int i = 0; i < 3000; i++) {
        run_thread(set_key, NULL);
    }
    CHECK(atomic_load(&destructor_runs) >= 3500 * 4);
    check_growth(before, 8 * MIB);
    pthread_key_delete(key);
}

static pthread_key_t late_key;

static void first_malloc_in_destructor(void *value)
{
    (void)value;
    for (size_t size = 1; size < 100 * KIB; size *= 2) {
        free(launder(malloc(size)));
    }
}

static void *set_late_key(void *value)
{
    pthread_setspecific(late_key, value);
    return NULL;
}

TEST(thread_exit, first_malloc_of_a_thread_in_its_destructor)
{
    REQUIRE(pthread_key_create(&late_key, first_malloc_in_destructor) == 0);
    for (int i = 0; i < 300; i++) {
        run_thread(set_late_key, &late_key);
    }
    size_t before = rss();
    for (int i = 0; i < 3000; i++) {
        run_thread(set_late_key, &late_key);
    }
    check_growth(before, 8 * MIB);
    pthread_key_delete(late_key);
}

struct pile {
    size_t size;
    size_t n;
    void **mem;
};

static void pile_up(const struct pile *pile)
{
    for (size_t i = 0; i < pile->n; i++) {
        pile->mem[i] = launder(malloc(pile->size));
        memset(pile->mem[i], 1, pile->size);
    }
}

static void *free_pile(void *arg)
{
    const struct pile *pile = arg;
    for (size_t i = 0; i < pile->n; i++) {
        free(pile->mem[i]);
    }
    return NULL;
}

static const size_t pile_sizes[] = {48, 600, 3000, 40000, 300000};
static void *pile_slots[400000];

/* A thread that never allocated frees all: what comes next fits in there. */
TEST(thread_exit, frees_by_a_thread_that_never_allocates)
{
    for (unsigned i = 0; i < 5; i++) {
        struct pile pile = {pile_sizes[i], 16 * MIB / pile_sizes[i],
                            pile_slots};
        size_t before = rss();
        for (int round = 0; round < 6; round++) {
            pile_up(&pile);
            run_thread(free_pile, &pile);
        }
        size_t after = rss();
        if (after > before + 16 * MIB * 5 / 2) {
            TEST_FAILED("size %zu: RSS %zu MiB, then %zu MiB", pile_sizes[i],
                        before / MIB, after / MIB);
        }
        malloc_trim(0);
    }
}

struct sleeper {
    pthread_t thread;
    struct pile pile;
    sem_t piled;
    sem_t wake;
};

static void *pile_up_and_sleep(void *arg)
{
    struct sleeper *sleeper = arg;
    pile_up(&sleeper->pile);
    sem_post(&sleeper->piled);
    while (sem_wait(&sleeper->wake) != 0) {
    }
    free(launder(malloc(100))); /* and it still works */
    return NULL;
}

/*
 * Eight threads, one after the other: each fills 16 MiB and then sleeps while
 * main frees it all.  An owner that sleeps must not strand what was freed.
 */
TEST(thread_exit, sleeping_owners_strand_nothing)
{
    enum { N = 8 };
    static struct sleeper sleepers[N];
    for (unsigned s = 0; s < 5; s++) {
        size_t before = rss();
        size_t most = 0;
        for (int i = 0; i < N; i++) {
            sleepers[i].pile = (struct pile){
                pile_sizes[s], 16 * MIB / pile_sizes[s], pile_slots};
            sem_init(&sleepers[i].piled, 0, 0);
            sem_init(&sleepers[i].wake, 0, 0);
            REQUIRE(pthread_create(&sleepers[i].thread, NULL, pile_up_and_sleep,
                                   &sleepers[i]) == 0);
            while (sem_wait(&sleepers[i].piled) != 0) {
            }
            free_pile(&sleepers[i].pile);
            most = rss() > most ? rss() : most;
        }
        malloc_trim(0);
        size_t trimmed = rss();
        /* In classic mode a block of 48 bytes takes a chunk of 64. */
        size_t pile = 16 * MIB / pile_sizes[s] * (pile_sizes[s] + 16);
        if (most > before + pile * 3 || trimmed > before + 16 * MIB) {
            TEST_FAILED("size %zu: RSS %zu MiB; %zu MiB at most while 16 MiB "
                        "lived; %zu MiB after malloc_trim(0)",
                        pile_sizes[s], before / MIB, most / MIB, trimmed / MIB);
        }
        for (int i = 0; i < N; i++) {
            sem_post(&sleepers[i].wake);
            pthread_join(sleepers[i].thread, NULL);
        }
    }
}

enum { LIVE = 500 };
static pthread_barrier_t barrier;

static void *live_together(void *arg)
{
    unsigned id = (unsigned)(uintptr_t)arg;
    unsigned char *mem[20];
    for (size_t i = 0; i < 20; i++) {
        mem[i] = launder(malloc(1 + i * 100));
        memset(mem[i], (int)(id & 0xff), 1 + i * 100);
    }
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < 20; i++) {
        if (mem[i][i * 100] != (id & 0xff) || mem[i][0] != (id & 0xff)) {
            TEST_FAILED("thread %u found its block %zu changed", id, i);
        }
        free(mem[i]);
    }
    return NULL;
}

TEST(thread_exit, five_hundred_threads_live_at_once)
{
    pthread_t threads[LIVE];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 128 * KIB);
    size_t before = rss();
    for (int round = 0; round < 3; round++) {
        pthread_barrier_init(&barrier, NULL, LIVE + 1);
        for (uintptr_t i = 0; i < LIVE; i++) {
            REQUIRE(pthread_create(&threads[i], &attr, live_together,
                                   (void *)i) == 0);
        }
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < LIVE; i++) {
            pthread_join(threads[i], NULL);
        }
        pthread_barrier_destroy(&barrier);
    }
    pthread_attr_destroy(&attr);
    /* At most 1 MiB a thread while they live: 20 KB of blocks in each. */
    CHECK(self_status_bytes("VmHWM:") < before + LIVE * MIB);
    malloc_trim(0);
    check_growth(before, 200 * MIB);
}

static void *churn_until_cancelled(void *unused)
{
    (void)unused;
    for (;;) {
        void *mem[50];
        for (size_t i = 0; i < 50; i++) {
            mem[i] = launder(malloc(i * 40 + 1));
        }
        for (size_t i = 0; i < 50; i++) {
            free(mem[i]);
        }
        pthread_testcancel();
    }
    return NULL;
}

/* No entry may be a cancellation point while it holds a lock. */
TEST(thread_exit, cancelled_threads_leave_no_lock_behind)
{
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, churn_until_cancelled, NULL) ==
                0);
        pthread_cancel(thread);
        free(launder(malloc(3000)));
        pthread_join(thread, NULL);
    }
    mallinfo2();
}
