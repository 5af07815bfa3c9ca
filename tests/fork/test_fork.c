/* SPDX-License-Identifier: MIT */
/*
 * fork in every place programs fork in: a deadlock ends by alarm, as a
 * failure.
 */
#include "fork_common.h"

#include <limits.h>
#include <time.h>

enum { FORK_MS = 500, FORKS_LEAST = 20 };

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * `usual` forks (soak: more), or as many as fit in FORK_MS where a fork and
 * the pages that its child copies cost 20 ms and more, as in some virtual
 * machines; a few at least.  The number is printed.
 */
struct fork_count {
    unsigned usual;
    unsigned done;
    long end;
};

static struct fork_count fork_count(unsigned usual)
{
    bool is_soak = rounds(usual) > usual;
    return (struct fork_count){usual, 0,
                               is_soak ? LONG_MAX : now_ms() + FORK_MS};
}

static bool fork_more(struct fork_count *count)
{
    unsigned n = rounds(count->usual);
    if (count->done < n &&
        (count->done < FORKS_LEAST || now_ms() < count->end)) {
        count->done++;
        return true;
    }
    test_print(STDOUT_FILENO, "  %u of %u forks\n", count->done, n);
    return false;
}

static void fork_many(void)
{
    struct fork_count count = fork_count(2000);
    while (fork_more(&count)) {
        void *from_parent = launder(malloc(count.done % 4000 + 1));
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            free(from_parent);
            _exit(use_every_class() && use_all_sizes() ? 0 : 1);
        }
        free(from_parent);
        if (!child_is_fine(child)) {
            return;
        }
    }
}

TEST(fork, while_four_threads_allocate)
{
    deadline(100);
    with_threads(churn, fork_many);
    CHECK(use_all_sizes());
    alarm(0);
}

/* Takes every lock there is, again and again, stdio's as well. */
static void *inspect(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        FILE *null = fopen("/dev/null", "w");
        malloc_info(0, null);
        fclose(null);
        malloc_trim(0);
        mallinfo2();
    }
    return NULL;
}

static void fork_some(void)
{
    struct fork_count count = fork_count(250);
    while (fork_more(&count)) {
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            bool fine = use_all_sizes();
            malloc_trim(0);
            mallinfo2();
            _exit(fine ? 0 : 1);
        }
        if (!child_is_fine(child)) {
            return;
        }
    }
}

TEST(fork, while_others_trim_and_inspect)
{
    deadline(100);
    with_threads(inspect, fork_some);
    alarm(0);
}

/* Returns the depth reached: each generation forks the next. */
static bool generation(unsigned depth)
{
    if (!use_all_sizes()) {
        return false;
    }
    if (depth == 0) {
        return true;
    }
    void *inherited = launder(malloc(depth * 1000));
    pid_t child = fork();
    if (child == 0) {
        free(inherited);
        _exit(generation(depth - 1) ? 0 : 1);
    }
    free(inherited);
    return child_is_fine(child);
}

TEST(fork, children_of_children)
{
    deadline(60);
    struct fork_count count = fork_count(50);
    while (fork_more(&count)) {
        CHECK(generation(8));
    }
    alarm(0);
}

static void *use_in_thread(void *unused)
{
    (void)unused;
    return use_all_sizes() ? NULL : (void *)1;
}

static void threads_in_child(void)
{
    struct fork_count count = fork_count(100);
    while (fork_more(&count)) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t threads[4];
            bool fine = true;
            alarm(60);
            for (int j = 0; j < 4; j++) {
                pthread_create(&threads[j], NULL, use_in_thread, NULL);
            }
            for (int j = 0; j < 4; j++) {
                void *result = NULL;
                pthread_join(threads[j], &result);
                fine = fine && result == NULL;
            }
            _exit(fine ? 0 : 1);
        }
        if (!child_is_fine(child)) {
            return;
        }
    }
}

/* A forked child of a threaded parent starts threads of its own. */
TEST(fork, child_starts_threads)
{
    deadline(100);
    with_threads(churn, threads_in_child);
    alarm(0);
}

static unsigned char *shared[1000];

static void *fill_shared(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < 1000; i++) {
        shared[i] = launder(malloc(i * 11 + 1));
        memset(shared[i], (int)(i & 0xff), i * 11 + 1);
    }
    return NULL;
}

/* The memory of threads that exist only in the parent: readable, freeable. */
TEST(fork, child_frees_blocks_of_the_parents_threads)
{
    deadline(100);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, fill_shared, NULL) == 0);
        pthread_join(thread, NULL);
        pid_t child = fork();
        if (child == 0) {
            bool fine = true;
            alarm(60);
            for (size_t i = 0; i < 1000; i++) {
                fine = fine && shared[i][i * 11] == (i & 0xff);
                free(shared[i]);
            }
            _exit(fine && use_all_sizes() ? 0 : 1);
        }
        CHECK(child_is_fine(child));
        for (size_t i = 0; i < 1000; i++) {
            free(shared[i]);
        }
    }
    alarm(0);
}

static void fork_quietly(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(use_all_sizes() ? 0 : 1);
        }
        if (!child_is_fine(child)) {
            return;
        }
    }
}

/*
 * A server that forks again and again must not grow by it.  A leak of each
 * fork shows in all of three windows.
 */
TEST(fork, the_parent_grows_by_nothing)
{
    unsigned n = rounds(50);
    size_t least = SIZE_MAX;
    fork_quietly(n);
    unsigned vmas = self_vmas();
    for (int window = 0; window < 3; window++) {
        size_t before = self_resident();
        fork_quietly(n);
        size_t now = self_resident();
        size_t grown = now > before ? now - before : 0;
        least = grown < least ? grown : least;
        test_print(STDOUT_FILENO, "  %u forks: %zu KiB\n", n, grown / KIB);
    }
    CHECK(least < n);
    CHECK_EQ(self_vmas(), vmas);
}

static void *hold_and_wait(void *ready)
{
    unsigned char *mem[200];
    for (unsigned i = 0; i < 200; i++) {
        mem[i] = launder(malloc(i * 10 + 1));
        mem[i][0] = 1;
    }
    for (unsigned i = 0; i < 200; i++) {
        free(mem[i]);
    }
    pthread_barrier_wait(ready);
    for (;;) {
        pause();
    }
    return NULL;
}

enum { LINEAGE = 60, LINEAGE_WARM = 10 };

/*
 * The child goes on as the parent, as a daemon that renews itself does, with
 * three threads of its own in each generation that are gone in the next.
 * Their heaps stay behind (api/fork.c says why): as much as they held live or
 * in bins, and no more.
 */
static void live_on(void *unused)
{
    size_t before = 0;
    (void)unused;
    alarm(100);
    for (unsigned i = 0; i < LINEAGE; i++) {
        if (i == LINEAGE_WARM) {
            before = self_resident();
        }
        pid_t child = -1;
        pthread_t threads[3];
        pthread_barrier_t ready;
        pthread_barrier_init(&ready, NULL, 4);
        for (unsigned j = 0; j < 3; j++) {
            REQUIRE(pthread_create(&threads[j], NULL, hold_and_wait, &ready) ==
                    0);
        }
        pthread_barrier_wait(&ready);
        child = fork();
        if (child > 0) {
            CHECK(child_is_fine(child));
            return;
        }
        REQUIRE(child == 0 && use_all_sizes());
    }
    size_t grown = self_resident() - before;
    test_print(STDOUT_FILENO, "  %zu KiB a generation of three threads\n",
               grown / (LINEAGE - LINEAGE_WARM) / KIB);
    const char *conf = getenv("LIBALLOC_CONF");
    /* Quarantines, and blocks above 256 KiB in mappings of their own. */
    size_t most = 320 * KIB;
    if (conf != NULL && strstr(conf, "harden:") != NULL) {
        most = 480 * KIB;
    }
    CHECK(grown / (LINEAGE - LINEAGE_WARM) < 3 * most);
}

TEST(fork, a_line_of_children_grows_by_their_threads_alone)
{
    CHECK_EQ(test_child(live_on, NULL, NULL, 0), 0);
}
