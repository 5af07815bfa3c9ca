/* SPDX-License-Identifier: MIT */
/*
 * Long-lived blocks, after alloc-test of Ignatchenko and Ivanchykhin ("Testing
 * Memory Allocators: ptmalloc2 vs tcmalloc vs hoard vs jemalloc While Trying
 * to Simulate Real-World Loads", 2018).  A thread owns 256 K slots and picks
 * one per step: an empty one gets a block, a full one is read and freed.  Slots
 * and sizes are Pareto distributed (the 80:20 rule): a few slots change all the
 * time, most blocks live for long; sizes are 16 B-16 KiB, mostly small.  All
 * slots are full at the start.  One op is one block made or freed.
 */
#include "bench.h"

#include <math.h>
#include <stdlib.h>

enum {
    SLOTS = 1 << 18,
    QUANTILES = 1 << 13,
    MIN_SIZE = 16,
    MAX_SIZE = 16384,
};

/* log(5) / log(4): the shape that puts 80 % into 20 %. */
static const double shape = 1.16;

/* Both distributions as tables: pow() would cost more than malloc. */
static struct quantiles {
    uint32_t slot[QUANTILES + 1]; /* where a quantile's slots begin */
    uint32_t size[QUANTILES];
} quantiles;

struct holder {
    unsigned char **slots;
    uint32_t *sizes;
    uint64_t checksum;
};

static void quantiles_fill(void)
{
    for (unsigned i = 0; i < QUANTILES; i++) {
        double share = (i + 0.5) / QUANTILES;
        double size = MIN_SIZE / pow(1 - share, 1 / shape);
        quantiles.size[i] = size < MAX_SIZE ? (uint32_t)size : MAX_SIZE;
        /* u^(log 0.2 / log 0.8): 80 % of all picks in the first 20 %. */
        double from = pow((double)i / QUANTILES, 7.21);
        quantiles.slot[i] = (uint32_t)(from * SLOTS);
    }
    quantiles.slot[QUANTILES] = SLOTS;
}

static size_t pick_slot(uint64_t random)
{
    size_t at = random % QUANTILES;
    uint32_t first = quantiles.slot[at];
    uint32_t width = quantiles.slot[at + 1] - first;
    return first + rng_scale((uint32_t)(random >> 32), width ? width : 1);
}

static void slot_fill(struct holder *holder, size_t slot, uint64_t random)
{
    uint32_t size = quantiles.size[random % QUANTILES];
    holder->slots[slot] = check_block(malloc(size));
    block_touch(holder->slots[slot], size, random, TOUCH_FILL);
    holder->sizes[slot] = size;
}

static void pareto_setup(struct worker *worker)
{
    struct holder *holder = harness_pages(sizeof *holder);
    holder->slots = harness_pages(SLOTS * sizeof *holder->slots);
    holder->sizes = harness_pages(SLOTS * sizeof *holder->sizes);
    for (size_t i = 0; i < SLOTS; i++)
        slot_fill(holder, i, rng_next(&worker->rng));
    worker->state = holder;
}

static void pareto_slice(struct worker *worker, uint64_t nops)
{
    struct holder *holder = worker->state;
    for (uint64_t i = 0; i < nops; i++) {
        size_t slot = pick_slot(rng_next(&worker->rng));
        unsigned char *mem = holder->slots[slot];
        if (!mem) {
            slot_fill(holder, slot, rng_next(&worker->rng));
            continue;
        }
        for (uint32_t at = 0; at < holder->sizes[slot]; at += 64)
            holder->checksum += mem[at];
        free(mem);
        holder->slots[slot] = NULL;
    }
}

static void pareto_finish(struct worker *worker)
{
    const struct holder *holder = worker->state;
    if (holder->checksum == 0)
        fail("the blocks' contents are gone");
    for (size_t i = 0; i < SLOTS; i++)
        free(holder->slots[i]);
}

static void alloc_test(struct run *run)
{
    struct loop loop = {.setup = pareto_setup,
                        .slice = pareto_slice,
                        .finish = pareto_finish,
                        .slice_ops = 20000,
                        .warm_ops = 200000};
    quantiles_fill();
    run_loop(run, &loop);
}

const struct workload pareto_workloads[] = {
    {"alloc-test", "256 K slots, Pareto sizes 16 B-16 KiB and lifetimes",
     alloc_test, 1},
    {NULL, NULL, NULL, 0},
};
