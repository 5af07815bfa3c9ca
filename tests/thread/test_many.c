/* SPDX-License-Identifier: MIT */
/*
 * Threads in great numbers, and what each leaves behind: less than a byte.
 * A CI run makes 16 000 short threads and 4000 detached ones; scripts/soak
 * ten times as many (TEST_SCALE=10).
 */
#include "black_box.h"
#include "test.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>

enum { VMA_SLACK = 16 };

/* Sampled guarded allocations have a VMA each, and up to 128 of them. */
static unsigned vma_slack(void)
{
    return is_hardened() ? VMA_SLACK + 2 * 128 : VMA_SLACK;
}

/*
 * Windows of `n` threads each.  What every thread leaves behind shows in all
 * of them; what is made once (a heap, a step of the break) in one.  On a busy
 * machine more threads are there at once in some window than ever before:
 * then there are more windows, but never so many that a leak could hide.
 *
 * Hardened mode hands out objects in random order, so that threads go on
 * touching further pages of the slabs they have: less and less, and less than
 * 2 MiB in all, however many threads there are.
 */
static void check_windows(void (*run)(size_t n), size_t n)
{
    double least = 1e9;
    run(n);
    size_t first = self_resident();
    unsigned vmas = self_vmas();
    for (int window = 0; window < (least < 1.0 ? 3 : 12); window++) {
        size_t before = self_resident();
        run(n);
        double each = ((double)self_resident() - (double)before) / (double)n;
        least = each < least ? each : least;
        test_print(STDOUT_FILENO, "  %zu threads: %.2f bytes each, VMAs %u\n",
                   n, each, self_vmas());
    }
    CHECK(least < 1.0 || (is_hardened() && self_resident() < first + 2 * MIB));
    CHECK(self_vmas() <= vmas + vma_slack() &&
          vmas <= self_vmas() + vma_slack());
}

/* A thread per request: 60 blocks to 4 KiB. */
static void *short_life(void *unused)
{
    void *mem[60];
    (void)unused;
    for (size_t i = 0; i < 60; i++) {
        mem[i] = launder(malloc(i * i + 1));
        *(unsigned char *)mem[i] = 1;
    }
    for (size_t i = 0; i < 60; i++) {
        free(mem[i]);
    }
    return NULL;
}

static void joined_threads(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, short_life, NULL) == 0);
        pthread_join(thread, NULL);
    }
}

TEST(threads, created_and_joined_retain_nothing)
{
    check_windows(joined_threads, 4000u * test_scale());
}

static pthread_key_t key;
static sem_t ended;

/*
 * Runs after liballoc's own destructor in a later round, too: allocates, and
 * asks for one more round while there are some.
 */
static void allocating_destructor(void *value)
{
    size_t *rounds_left = value;
    short_life(NULL);
    if (*rounds_left > 0) {
        size_t *again = launder(malloc(sizeof(*again)));
        *again = *rounds_left - 1;
        pthread_setspecific(key, again);
    } else {
        sem_post(&ended);
    }
    free(rounds_left);
}

static void *detached_life(void *unused)
{
    size_t *rounds_left = launder(malloc(sizeof(*rounds_left)));
    *rounds_left = 2;
    pthread_setspecific(key, rounds_left);
    return short_life(unused);
}

enum { DETACHED_AT_ONCE = 8 };

/* A detached thread is gone a moment after its last destructor. */
static void wait_until_alone(void)
{
    for (int i = 0; i < 1000; i++) {
        if (self_status_bytes("Threads:") == 1 * KIB) {
            return; /* "Threads: 1": the unit is ours */
        }
        usleep(1000);
    }
}

/* Starts `n`, eight at a time, and waits for the last destructors. */
static void detached_threads(size_t n)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (size_t i = 0; i < n + DETACHED_AT_ONCE; i++) {
        pthread_t thread;
        if (i >= DETACHED_AT_ONCE) {
            while (sem_wait(&ended) != 0) {
            }
        }
        if (i < n) {
            REQUIRE(pthread_create(&thread, &attr, detached_life, NULL) == 0);
        }
    }
    pthread_attr_destroy(&attr);
    wait_until_alone();
}

TEST(threads, detached_with_allocating_destructors_retain_nothing)
{
    REQUIRE(pthread_key_create(&key, allocating_destructor) == 0);
    sem_init(&ended, 0, 0);
    check_windows(detached_threads, 1000u * test_scale());
    pthread_key_delete(key);
}

enum { HANDED = 64 };

struct handed {
    void *mem[HANDED];
};

static void *only_frees(void *arg)
{
    struct handed *handed = arg;
    for (unsigned i = 0; i < HANDED; i++) {
        free(handed->mem[i]);
    }
    return NULL;
}

/* Each thread frees 64 blocks of main's and allocates nothing itself. */
static void freeing_threads(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct handed handed;
        pthread_t thread;
        for (size_t j = 0; j < HANDED; j++) {
            handed.mem[j] = launder(malloc(j * j + 1));
            *(unsigned char *)handed.mem[j] = 1;
        }
        REQUIRE(pthread_create(&thread, NULL, only_frees, &handed) == 0);
        pthread_join(thread, NULL);
    }
}

TEST(threads, that_never_allocate_retain_nothing)
{
    check_windows(freeing_threads, 1000u * test_scale());
}

enum { OWNERS = 4, BLOCKED_ROUNDS = 100, OWNED = 10000 };

struct owner {
    pthread_t thread;
    pthread_barrier_t *step;
    void **mem;
};

/* Fills a table, then sleeps on the barrier until main has freed it all. */
static void *fill_and_block(void *arg)
{
    struct owner *owner = arg;
    for (unsigned round = 0; round < BLOCKED_ROUNDS; round++) {
        for (size_t i = 0; i < OWNED; i++) {
            owner->mem[i] = launder(malloc(16 + i % 37 * 8));
            *(unsigned char *)owner->mem[i] = 1;
        }
        pthread_barrier_wait(owner->step);
        pthread_barrier_wait(owner->step);
    }
    return NULL;
}

/*
 * The owner never frees, main never allocates: all that main frees must find
 * its way to the owner's next malloc.
 */
TEST(threads, blocked_while_others_free_do_not_grow)
{
    static struct owner owners[OWNERS];
    static void *tables[OWNERS][OWNED];
    pthread_barrier_t step;
    size_t half[2] = {0, 0}; /* the most of either half */
    pthread_barrier_init(&step, NULL, OWNERS + 1);
    for (unsigned i = 0; i < OWNERS; i++) {
        owners[i] = (struct owner){.step = &step, .mem = tables[i]};
        REQUIRE(pthread_create(&owners[i].thread, NULL, fill_and_block,
                               &owners[i]) == 0);
    }
    for (unsigned round = 0; round < BLOCKED_ROUNDS; round++) {
        pthread_barrier_wait(&step);
        size_t *most = &half[round / (BLOCKED_ROUNDS / 2)];
        size_t now = round % 10 == 0 ? self_resident() : 0;
        *most = now > *most ? now : *most;
        for (unsigned i = 0; i < OWNERS; i++) {
            for (unsigned j = 0; j < OWNED; j++) {
                free(tables[i][j]);
            }
        }
        pthread_barrier_wait(&step);
    }
    for (unsigned i = 0; i < OWNERS; i++) {
        pthread_join(owners[i].thread, NULL);
    }
    pthread_barrier_destroy(&step);
    test_print(STDOUT_FILENO, "  RSS at most %zu KiB, then %zu KiB\n",
               half[0] / KIB, half[1] / KIB);
    /* An owner that sleeps may have 2 MiB coming (HELP_BYTES). */
    CHECK(half[1] <= half[0] + half[0] / 20 + OWNERS * 2 * MIB);
}

enum { LIVE = 2000, LIVE_BLOCKS = 16 };

static pthread_barrier_t all_here;
static pthread_barrier_t all_freed;
static unsigned char *held[LIVE][LIVE_BLOCKS];

static void *live_and_block(void *arg)
{
    uintptr_t id = (uintptr_t)arg;
    for (size_t i = 0; i < LIVE_BLOCKS; i++) {
        held[id][i] = launder(malloc(1 + i * 60));
        memset(held[id][i], (int)(id & 0xff), 1 + i * 60);
    }
    pthread_barrier_wait(&all_here);
    pthread_barrier_wait(&all_freed);
    free(launder(malloc(500))); /* and it still works */
    return NULL;
}

/*
 * Of each thread: its heap (sizeof(struct heap), 20 KiB, touched in part), a
 * page or two of chunks, and three pages of stack and TLS; hardened a
 * quarantine too.
 */
TEST(threads, two_thousand_live_at_once)
{
    static pthread_t threads[LIVE];
    pthread_attr_t attr;
    size_t before = self_resident();
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 * KIB);
    pthread_barrier_init(&all_here, NULL, LIVE + 1);
    pthread_barrier_init(&all_freed, NULL, LIVE + 1);
    for (uintptr_t i = 0; i < LIVE; i++) {
        REQUIRE(pthread_create(&threads[i], &attr, live_and_block, (void *)i) ==
                0);
    }
    pthread_barrier_wait(&all_here);
    size_t each = (self_resident() - before) / LIVE;
    test_print(STDOUT_FILENO, "  %zu KiB a thread, 7 KiB of it live\n",
               each / KIB);
    CHECK(each < (is_hardened() ? 128 : 64) * KIB);
    for (unsigned i = 0; i < LIVE; i++) {
        for (size_t j = 0; j < LIVE_BLOCKS; j++) {
            CHECK_EQ(held[i][j][j * 60], i & 0xff);
            free(held[i][j]);
        }
    }
    pthread_barrier_wait(&all_freed);
    for (unsigned i = 0; i < LIVE; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_attr_destroy(&attr);
}
