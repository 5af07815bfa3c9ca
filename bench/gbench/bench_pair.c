/* SPDX-License-Identifier: MIT */
/* One block made and freed at once: the fast path and nothing else. */
#include "bench_google.h"

#include <malloc.h>
#include <string.h>

enum { BATCH = 256, LARGE_BATCH = 4 };

static unsigned batch_of(size_t size)
{
    return size <= 64 * KIB ? BATCH : LARGE_BATCH;
}

static void malloc_pair(struct shim_state *state,
                        const struct shim_benchmark *benchmark)
{
    size_t size = benchmark->size;
    for (unsigned n = 0; (n = shim_turns(state, batch_of(size))) > 0;) {
        while (n-- > 0) {
            void *mem = malloc(size);
            touch(mem, size);
            free(mem);
        }
    }
}

static void calloc_pair(struct shim_state *state,
                        const struct shim_benchmark *benchmark)
{
    size_t size = benchmark->size;
    for (unsigned n = 0; (n = shim_turns(state, batch_of(size))) > 0;) {
        while (n-- > 0) {
            void *mem = calloc(1, size);
            touch(mem, size);
            free(mem);
        }
    }
}

/* `extra` is the alignment. */
static void aligned_pair(struct shim_state *state,
                         const struct shim_benchmark *benchmark)
{
    size_t size = benchmark->size;
    for (unsigned n = 0; (n = shim_turns(state, BATCH)) > 0;) {
        while (n-- > 0) {
            void *mem = aligned_alloc(benchmark->extra, size);
            touch(mem, size);
            free(mem);
        }
    }
}

static void usable_size(struct shim_state *state,
                        const struct shim_benchmark *benchmark)
{
    void *mem = malloc(benchmark->size);
    touch(mem, benchmark->size);
    for (unsigned n = 0; (n = shim_turns(state, BATCH)) > 0;) {
        while (n-- > 0) {
            size_t usable = malloc_usable_size(mem);
            shim_keep(&usable);
        }
    }
    free(mem);
}

#define PAIR(bytes) {"malloc_free", malloc_pair, bytes, 0, SHIM_MANY, 0},

#define CALLOC(bytes) {"calloc_free", calloc_pair, bytes, 0, SHIM_MANY, 0},

const struct shim_benchmark pair_benchmarks[] = {
    /* clang-format off: one size a line would be long */
    PAIR(16) PAIR(32) PAIR(64) PAIR(128) PAIR(256) PAIR(512) PAIR(1 * KIB)
        PAIR(2 * KIB) PAIR(4 * KIB) PAIR(8 * KIB) PAIR(16 * KIB) PAIR(32 * KIB)
            PAIR(64 * KIB) PAIR(128 * KIB) PAIR(256 * KIB) PAIR(1 * MIB)
                PAIR(4 * MIB) PAIR(16 * MIB) PAIR(64 * MIB) CALLOC(64)
                    CALLOC(1 * KIB) CALLOC(16 * KIB) CALLOC(256 * KIB)
                        CALLOC(4 * MIB)
    /* clang-format on */
    {"aligned_alloc_64", aligned_pair, 256, 0, SHIM_MANY, 64},
    {"aligned_alloc_64", aligned_pair, 4096, 0, SHIM_MANY, 64},
    {"aligned_alloc_4096", aligned_pair, 4096, 0, SHIM_MANY, 4096},
    {"aligned_alloc_65536", aligned_pair, 64 * KIB, 0, SHIM_MANY, 65536},
    {"malloc_usable_size", usable_size, 64, 0, SHIM_ONE, 0},
    {"malloc_usable_size", usable_size, 4096, 0, SHIM_ONE, 0},
    {"malloc_usable_size", usable_size, 1 * MIB, 0, SHIM_ONE, 0},
    {NULL, NULL, 0, 0, SHIM_ONE, 0},
};
