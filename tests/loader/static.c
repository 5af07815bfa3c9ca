/* SPDX-License-Identifier: MIT */
/*
 * A -static program with liballoc.a: threads, fork, stdio, and proof that
 * malloc is liballoc's.
 */
#include "liballoc.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 500, THREADS = 4 };

static void *churn(void *arg)
{
    char *mem[BLOCKS];
    int value = (int)(size_t)arg + 1;

    for (size_t i = 0; i < BLOCKS; i++) {
        size_t size = 1 + i * i * 7 % 90000;
        mem[i] = i % 5 == 0 ? aligned_alloc(64, size) : malloc(size);
        if (mem[i] == NULL) {
            return (void *)1;
        }
        memset(mem[i], value, size);
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        if (mem[i][0] != value || mem[i][i * i * 7 % 90000] != value) {
            return (void *)1;
        }
        free(mem[i]);
    }
    return NULL;
}

/* True when all threads end well. */
static int with_threads(void)
{
    pthread_t thread[THREADS];
    int good = 1;

    for (size_t i = 0; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, churn, (void *)i) != 0) {
            return 0;
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(thread[i], &result);
        good = good && result == NULL;
    }
    return good;
}

int main(void)
{
    struct liballoc_stats stats;
    int status = -1;

    if (!with_threads()) {
        return 1;
    }
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        if (child == 0) {
            _exit(with_threads() ? 0 : 1);
        }
        if (waitpid(child, &status, 0) != child || status != 0) {
            return 2;
        }
    }
    void *mine = malloc(100000);
    if (liballoc_stats_get(&stats, sizeof(stats)) != 0 || stats.live < 100000 ||
        stats.heaps < THREADS) {
        return 3;
    }
    free(mine);
    printf("static: %lu heaps\n", (unsigned long)stats.heaps);
    return 0;
}
