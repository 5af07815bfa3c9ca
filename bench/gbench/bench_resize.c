/* SPDX-License-Identifier: MIT */
/* realloc: one turn is one call. */
#include "bench_google.h"

enum { IN_PLACE_BATCH = 256 };

static unsigned steps_of(size_t size)
{
    unsigned steps = 0;
    for (; size > 16; size /= 2)
        steps++;
    return steps;
}

static void *resize(void *mem, size_t size)
{
    void *moved = realloc(mem, size);
    if (!moved)
        abort();
    return moved;
}

/* From 16 bytes to `size`, twice as large each time. */
static void growth(struct shim_state *state,
                   const struct shim_benchmark *benchmark)
{
    unsigned steps = steps_of(benchmark->size);
    while (shim_turns(state, steps) > 0) {
        size_t size = 16;
        void *mem = malloc(size);
        touch(mem, size);
        while (size < benchmark->size) {
            size *= 2;
            mem = resize(mem, size);
            touch(mem, size);
        }
        free(mem);
    }
}

/* From `size` to 16 bytes, half as large each time. */
static void shrink(struct shim_state *state,
                   const struct shim_benchmark *benchmark)
{
    unsigned steps = steps_of(benchmark->size);
    while (shim_turns(state, steps) > 0) {
        size_t size = benchmark->size;
        void *mem = malloc(size);
        touch(mem, size);
        while (size > 16) {
            size /= 2;
            mem = resize(mem, size);
            touch(mem, size);
        }
        free(mem);
    }
}

/* `extra` bytes less, and back: nothing has to move. */
static void in_place(struct shim_state *state,
                     const struct shim_benchmark *benchmark)
{
    size_t size = benchmark->size;
    void *mem = malloc(size);
    for (unsigned n = 0; (n = shim_turns(state, IN_PLACE_BATCH)) > 0;) {
        for (; n > 0; n--) {
            size_t now = n % 2 ? size : size - benchmark->extra;
            mem = resize(mem, now);
            touch(mem, now);
        }
    }
    free(mem);
}

const struct shim_benchmark resize_benchmarks[] = {
    {"realloc_growth", growth, 4 * KIB, 0, SHIM_MANY, 0},
    {"realloc_growth", growth, 64 * KIB, 0, SHIM_ONE, 0},
    {"realloc_growth", growth, 16 * MIB, 0, SHIM_ONE, 0},
    {"realloc_shrink", shrink, 4 * KIB, 0, SHIM_MANY, 0},
    {"realloc_shrink", shrink, 64 * KIB, 0, SHIM_ONE, 0},
    {"realloc_shrink", shrink, 16 * MIB, 0, SHIM_ONE, 0},
    {"realloc_in_place", in_place, 64, 0, SHIM_MANY, 4},
    {"realloc_in_place", in_place, 4 * KIB, 0, SHIM_ONE, 16},
    {"realloc_in_place", in_place, 1 * MIB, 0, SHIM_ONE, 64},
    {NULL, NULL, 0, 0, SHIM_ONE, 0},
};
