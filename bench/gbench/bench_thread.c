/* SPDX-License-Identifier: MIT */
/* A thread's life: start, `count` blocks made and freed, end, join. */
#include "bench_google.h"

#include <pthread.h>

enum { SIZE = 64 };

static void *life(void *arg)
{
    const struct shim_benchmark *benchmark = arg;
    for (size_t i = 0; i < benchmark->count; i++) {
        void *mem = malloc(SIZE);
        touch(mem, SIZE);
        free(mem);
    }
    return NULL;
}

static void thread_life(struct shim_state *state,
                        const struct shim_benchmark *benchmark)
{
    union {
        const struct shim_benchmark *benchmark;
        void *arg;
    } given = {.benchmark = benchmark};
    while (shim_turns(state, 1) > 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, life, given.arg) != 0)
            abort();
        pthread_join(thread, NULL);
    }
}

const struct shim_benchmark thread_benchmarks[] = {
    {"thread_life/none", thread_life, 0, 0, SHIM_MANY, 0},
    {"thread_life", thread_life, 0, 1, SHIM_MANY, 0},
    {"thread_life", thread_life, 0, 100, SHIM_MANY, 0},
    {NULL, NULL, 0, 0, SHIM_ONE, 0},
};
