/* SPDX-License-Identifier: MIT */
/*
 * A working set made and freed as a whole, by the order of the frees.  One
 * turn is one block made and freed.
 */
#include "bench_google.h"

enum order { ORDER_LIFO, ORDER_FIFO, ORDER_RANDOM };

static void order_fill(uint32_t *order, size_t count, enum order kind)
{
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)(kind == ORDER_LIFO ? count - 1 - i : i);
    for (size_t i = count; kind == ORDER_RANDOM && i > 1; i--) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t other = random % i;
        uint32_t swapped = order[i - 1];
        order[i - 1] = order[other];
        order[other] = swapped;
    }
}

static void pattern(struct shim_state *state,
                    const struct shim_benchmark *benchmark)
{
    size_t count = benchmark->count;
    size_t size = benchmark->size;
    void **blocks = array_make(count * sizeof *blocks);
    uint32_t *order = array_make(count * sizeof *order);
    order_fill(order, count, benchmark->extra);
    while (shim_turns(state, (unsigned)count) > 0) {
        for (size_t i = 0; i < count; i++) {
            blocks[i] = malloc(size);
            touch(blocks[i], size);
        }
        for (size_t i = 0; i < count; i++)
            free(blocks[order[i]]);
    }
    array_drop(blocks, count * sizeof *blocks);
    array_drop(order, count * sizeof *order);
}

const struct shim_benchmark pattern_benchmarks[] = {
    {"lifo", pattern, 64, 1 * KIB, SHIM_MANY, ORDER_LIFO},
    {"lifo", pattern, 64, 64 * KIB, SHIM_MANY, ORDER_LIFO},
    {"lifo", pattern, 64, 1 * MIB, SHIM_ONE, ORDER_LIFO},
    {"fifo", pattern, 64, 1 * KIB, SHIM_MANY, ORDER_FIFO},
    {"fifo", pattern, 64, 64 * KIB, SHIM_MANY, ORDER_FIFO},
    {"fifo", pattern, 64, 1 * MIB, SHIM_ONE, ORDER_FIFO},
    {"random", pattern, 64, 1 * KIB, SHIM_MANY, ORDER_RANDOM},
    {"random", pattern, 64, 64 * KIB, SHIM_MANY, ORDER_RANDOM},
    {"random", pattern, 64, 1 * MIB, SHIM_ONE, ORDER_RANDOM},
    {"random", pattern, 1 * KIB, 1 * KIB, SHIM_MANY, ORDER_RANDOM},
    {"random", pattern, 1 * KIB, 64 * KIB, SHIM_ONE, ORDER_RANDOM},
    {NULL, NULL, 0, 0, SHIM_ONE, 0},
};
