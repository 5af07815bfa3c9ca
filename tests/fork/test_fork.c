/* SPDX-License-Identifier: MIT */
/*
 * fork in every place programs fork in: a deadlock ends by alarm, as a
 * failure.
 */
#include "fork_common.h"

#include <malloc.h>
#include <pthread.h>
#include <spawn.h>

/* RSS may have grown by `most` since it was `before`. */
static void check_growth(size_t before, size_t most)
{
    size_t now = self_status_bytes("VmRSS:");
    if (now > before + most) {
        TEST_FAILED("RSS grew from %zu to %zu KiB, by %zu KiB at most allowed",
                    before / KIB, now / KIB, most / KIB);
    }
}

static atomic_bool stop;

/* What the library's busiest users do, while the others fork. */
static void *churn(void *arg)
{
    uintptr_t id = (uintptr_t)arg;
    unsigned char *mem[100] = {NULL};
    unsigned random = (unsigned)id * 7919u + 1;
    for (unsigned step = 0; !atomic_load(&stop); step++) {
        if (step % 512 == 0) {
            usleep(200); /* or the children starve on few processors */
        }
        random = random * 1103515245u + 12345u;
        unsigned at = random / 65536u % 100u;
        free(mem[at]);
        size_t size = random % 16 == 0 ? random % 300000 : random / 16 % 2000;
        mem[at] = launder(malloc(size + 1));
        mem[at][0] = 1;
    }
    for (unsigned i = 0; i < 100; i++) {
        free(mem[i]);
    }
    return NULL;
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

static void with_threads(void *(*last)(void *), void (*body)(void))
{
    pthread_t threads[4];
    atomic_store(&stop, false);
    for (uintptr_t i = 0; i < 4; i++) {
        REQUIRE(pthread_create(&threads[i], NULL, i == 3 ? last : churn,
                               (void *)i) == 0);
    }
    body();
    atomic_store(&stop, true);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void fork_many(void)
{
    unsigned n = rounds(2000);
    for (unsigned i = 0; i < n; i++) {
        void *from_parent = launder(malloc(i % 4000 + 1));
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            free(from_parent);
            _exit(use_all_sizes() ? 0 : 1);
        }
        free(from_parent);
        if (!child_is_fine(child)) {
            return;
        }
    }
}

TEST(fork, while_four_threads_allocate)
{
    alarm(100);
    with_threads(churn, fork_many);
    CHECK(use_all_sizes());
    alarm(0);
}

static void fork_some(void)
{
    for (unsigned i = 0; i < rounds(2000) / 8; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
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
    alarm(100);
    with_threads(inspect, fork_some);
    alarm(0);
}

static void spawn_some(void)
{
    char *argv[] = {(char[]){"true"}, NULL};
    char *envp[] = {NULL};
    for (unsigned i = 0; i < rounds(2000) / 8; i++) {
        pid_t child = -1;
        free(launder(malloc(i * 10 + 1)));
        int error =
            i % 2 == 0
                ? posix_spawn(&child, "/bin/true", NULL, NULL, argv, envp)
                : posix_spawnp(&child, "true", NULL, NULL, argv, envp);
        CHECK_EQ(error, 0);
        if (!child_is_fine(child)) {
            return;
        }
    }
}

TEST(fork, posix_spawn_beside_threads)
{
    alarm(100);
    with_threads(churn, spawn_some);
    alarm(0);
}

/* Out of line: vfork returns twice into this frame. */
__attribute__((noinline)) static pid_t vfork_true(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    return child;
}

/* The child of vfork lives in our memory: it must not take it as its own. */
TEST(fork, vfork_shares_the_heap)
{
    alarm(60);
    for (unsigned i = 0; i < rounds(2000) / 4; i++) {
        unsigned char *mem = launder(malloc(200));
        memset(mem, 5, 200);
        pid_t child = vfork_true();
        CHECK_EQ(mem[199], 5);
        free(mem);
        CHECK(use_all_sizes());
        if (!child_is_fine(child)) {
            break;
        }
    }
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
    alarm(60);
    for (unsigned i = 0; i < rounds(2000) / 40; i++) {
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
    for (unsigned i = 0; i < rounds(2000) / 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t threads[4];
            bool fine = true;
            alarm(20);
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
    alarm(100);
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
    alarm(100);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, fill_shared, NULL) == 0);
        pthread_join(thread, NULL);
        pid_t child = fork();
        if (child == 0) {
            bool fine = true;
            alarm(20);
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

/* A server that forks again and again must not grow by it. */
TEST(fork, generations_leak_nothing)
{
    size_t before = self_status_bytes("VmRSS:");
    for (unsigned i = 0; i < rounds(2000) / 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(use_all_sizes() ? 0 : 1);
        }
        if (!child_is_fine(child)) {
            break;
        }
    }
    check_growth(before, 4 * MIB);
}
