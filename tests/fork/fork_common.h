/* SPDX-License-Identifier: MIT */
#ifndef FORK_COMMON_H
#define FORK_COMMON_H
/*
 * What the fork tests share.  The counts in the cases are those of a CI run;
 * scripts/soak sets TEST_SCALE=50.
 */
#include "black_box.h"
#include "test.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>

/* `n` rounds, times TEST_SCALE. */
__attribute__((unused)) static unsigned rounds(unsigned n)
{
    return n * test_scale();
}

/*
 * SIGALRM ends a deadlock after so many seconds, times TEST_SCALE, and three
 * times as many on a machine that is busy or slow.
 */
__attribute__((unused)) static void deadline(unsigned seconds)
{
    alarm(3 * seconds * test_scale());
}

/* Every layer once: from one byte to an mmapped block. */
__attribute__((unused)) static bool use_all_sizes(void)
{
    static const size_t sizes[] = {1,    50,    500,    1000,   3000,
                                   9000, 70000, 200000, 400000, 5000000};
    unsigned char *mem[10];
    for (unsigned i = 0; i < 10; i++) {
        mem[i] = launder(malloc(sizes[i]));
        if (mem[i] == NULL) {
            return false;
        }
        mem[i][0] = mem[i][sizes[i] - 1] = (unsigned char)i;
    }
    for (unsigned i = 0; i < 10; i++) {
        mem[i] = launder(realloc(mem[i], sizes[i] + 100));
        if (mem[i] == NULL || mem[i][0] != i || mem[i][sizes[i] - 1] != i) {
            return false;
        }
        free(mem[i]);
    }
    void *zero = launder(calloc(10, 100));
    free(zero);
    return zero != NULL;
}

/* A block of each of the 96 classes (16 bytes to 256 KiB), all live at once. */
__attribute__((unused)) static bool use_every_class(void)
{
    enum { NCLASS = 96 };
    unsigned char *mem[NCLASS];
    size_t sizes[NCLASS];
    size_t size = 16;
    for (unsigned i = 0; i < NCLASS; i++) {
        sizes[i] = size;
        mem[i] = launder(malloc(size));
        if (mem[i] == NULL) {
            return false;
        }
        mem[i][0] = mem[i][size - 1] = (unsigned char)i;
        size_t power = (size_t)1 << (63 - __builtin_clzl(size));
        size += size < 256 ? 16 : power / 8;
    }
    for (unsigned i = 0; i < NCLASS; i++) {
        if (mem[i][0] != i || mem[i][sizes[i] - 1] != i) {
            return false;
        }
        free(mem[i]);
    }
    return sizes[NCLASS - 1] == 256 * KIB;
}

/* Waits for a child that was told to exit 0; true when it did. */
__attribute__((unused)) static bool child_is_fine(pid_t child)
{
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child > 0 && status == 0) {
        return true;
    }
    TEST_FAILED(
        "child %d ended with status %#x%s", (int)child, (unsigned)status,
        WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ", a deadlock"
                                                           : "");
    return false;
}

/* Resident memory may have grown by `most` since it was `before`. */
__attribute__((unused)) static void check_growth(size_t before, size_t most)
{
    size_t now = self_resident();
    if (now > before + most) {
        TEST_FAILED("RSS grew from %zu to %zu KiB, by %zu KiB at most allowed",
                    before / KIB, now / KIB, most / KIB);
    }
}

static atomic_bool stop;

/* One of `count` blocks, most of them small, is replaced. */
static inline void churn_step(unsigned char **mem, unsigned count,
                              unsigned *random)
{
    *random = *random * 1103515245u + 12345u;
    unsigned dice = *random;
    unsigned at = dice / 65536u % count;
    free(mem[at]);
    size_t size = dice % 16 == 0 ? dice % 300000 : dice / 16 % 2000;
    mem[at] = launder(malloc(size + 1));
    mem[at][0] = 1;
}

/* What the library's busiest users do, while the others fork. */
__attribute__((unused)) static void *churn(void *arg)
{
    uintptr_t id = (uintptr_t)arg;
    unsigned char *mem[100] = {NULL};
    unsigned random = (unsigned)id * 7919u + 1;
    for (unsigned step = 0; !atomic_load(&stop); step++) {
        if (step % 512 == 0) {
            usleep(200); /* or the children starve on few processors */
        }
        churn_step(mem, 100, &random);
    }
    for (unsigned i = 0; i < 100; i++) {
        free(mem[i]);
    }
    return NULL;
}

/* Runs `body` beside three threads that churn and one that runs `last`. */
__attribute__((unused)) static void with_threads(void *(*last)(void *),
                                                 void (*body)(void))
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

#endif
