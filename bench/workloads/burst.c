/* SPDX-License-Identifier: MIT */
/*
 * Bursts: n objects of one size are allocated, then all freed: last first,
 * first first, or in a fixed random order.  One op is one object.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum order { ORDER_LIFO, ORDER_FIFO, ORDER_RANDOM };

struct burst_params {
    size_t size;
    uint32_t count;
    enum order order;
};

struct burst {
    struct burst_params params;
    void **blocks;
    uint32_t *order; /* the k-th to free */
};

static void fill_order(struct burst *burst, struct rng *rng)
{
    uint32_t count = burst->params.count;
    for (uint32_t i = 0; i < count; i++)
        burst->order[i] = burst->params.order == ORDER_LIFO ? count - 1 - i : i;
    if (burst->params.order != ORDER_RANDOM)
        return;
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t other = (uint32_t)rng_range(rng, 0, i);
        uint32_t swapped = burst->order[i];
        burst->order[i] = burst->order[other];
        burst->order[other] = swapped;
    }
}

static void burst_setup(struct worker *worker)
{
    const struct burst_params *params = worker->state;
    struct burst *burst = harness_pages(sizeof *burst);
    burst->params = *params;
    burst->blocks = harness_pages(params->count * sizeof(void *));
    burst->order = harness_pages(params->count * sizeof *burst->order);
    fill_order(burst, &worker->rng);
    worker->state = burst;
}

/* `nops` is a multiple of the burst's length. */
static void burst_slice(struct worker *worker, uint64_t nops)
{
    const struct burst *burst = worker->state;
    uint32_t count = burst->params.count;
    size_t size = burst->params.size;
    void **blocks = burst->blocks;
    for (; nops > 0; nops -= count) {
        for (uint32_t i = 0; i < count; i++) {
            blocks[i] = check_block(malloc(size));
            memcpy(blocks[i], &nops, sizeof nops);
        }
        for (uint32_t i = 0; i < count; i++)
            free(blocks[burst->order[i]]);
    }
}

static void burst_run(struct run *run, const struct burst_params *params)
{
    uint64_t bursts = params->count < 10000 ? 20 : 1;
    struct loop loop = {.setup = burst_setup,
                        .slice = burst_slice,
                        .slice_ops = params->count * bursts,
                        .params = params};
    run_loop(run, &loop);
}

/* X(size, count, order, name) */
#define BURSTS(X)                                 \
    X(64, 1000, LIFO, "burst-64-1k-lifo")         \
    X(64, 1000, FIFO, "burst-64-1k-fifo")         \
    X(64, 1000, RANDOM, "burst-64-1k-random")     \
    X(64, 10000, LIFO, "burst-64-10k-lifo")       \
    X(64, 10000, FIFO, "burst-64-10k-fifo")       \
    X(64, 10000, RANDOM, "burst-64-10k-random")   \
    X(64, 100000, LIFO, "burst-64-100k-lifo")     \
    X(64, 100000, FIFO, "burst-64-100k-fifo")     \
    X(64, 100000, RANDOM, "burst-64-100k-random") \
    X(2048, 1000, LIFO, "burst-2k-1k-lifo")       \
    X(2048, 1000, FIFO, "burst-2k-1k-fifo")       \
    X(2048, 1000, RANDOM, "burst-2k-1k-random")   \
    X(2048, 10000, LIFO, "burst-2k-10k-lifo")     \
    X(2048, 10000, FIFO, "burst-2k-10k-fifo")     \
    X(2048, 10000, RANDOM, "burst-2k-10k-random") \
    X(2048, 100000, LIFO, "burst-2k-100k-lifo")   \
    X(2048, 100000, FIFO, "burst-2k-100k-fifo")   \
    X(2048, 100000, RANDOM, "burst-2k-100k-random")

#define BURST_FUNCTION(size, count, order, name)                   \
    static void burst_##size##_##count##_##order(struct run *run)  \
    {                                                              \
        static const struct burst_params params = {size, count,    \
                                                   ORDER_##order}; \
        burst_run(run, &params);                                   \
    }

#define BURST_ENTRY(size, count, order, name)                                \
    {name, #count " objects of " #size " B at once, freed in order " #order, \
     burst_##size##_##count##_##order, 1},

BURSTS(BURST_FUNCTION)

const struct workload burst_workloads[] = {
    BURSTS(BURST_ENTRY){NULL, NULL, NULL, 0},
};
