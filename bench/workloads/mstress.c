/* SPDX-License-Identifier: MIT */
/*
 * Random exchange, after the stress test of mimalloc (Leijen, Zorn, de Moura:
 * "Mimalloc: Free List Sharding in Action", APLAS 2019; mstress in its
 * benchmark suite).  A thread keeps 2000 slots of its own; all share 1000.  A
 * step makes a block in a random own slot; every fourth step swaps a random
 * own slot with a random shared one, so that blocks end in any thread.  Sizes
 * are 8-800 B, one in 100 of them times 64 and one in 2000 times 1000.  What a
 * block holds is checked when it is freed.  One op is one block made and freed.
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    OWN = 2000,
    SHARED = 1000,
    COOKIE = 0x5bd1e995,
};

struct exchange {
    _Atomic(uint64_t *) slots[SHARED];
};

struct own {
    struct exchange *exchange;
    uint64_t *slots[OWN];
};

/* Outliers reach 800 KB. */
static size_t mstress_size(struct rng *rng)
{
    uint64_t random = rng_next(rng);
    size_t words = 1 + rng_scale((uint32_t)random, 100);
    size_t luck = rng_scale((uint32_t)(random >> 32), 2000);
    if (luck == 0) {
        words *= 1000;
    } else if (luck <= 20) {
        words *= 64;
    }
    return words * sizeof(uint64_t);
}

/* The first word tells the number of words, the last one repeats it. */
static uint64_t *block_make(struct rng *rng)
{
    size_t size = mstress_size(rng);
    uint64_t *words = check_block(malloc(size));
    size_t last = size / sizeof *words - 1;
    block_touch(words, size, last, TOUCH_PAGES);
    words[0] = last ^ COOKIE;
    words[last] = last ^ COOKIE;
    return words;
}

static void block_drop(uint64_t *words)
{
    if (!words)
        return;
    if (words[words[0] ^ COOKIE] != words[0])
        fail("a block's contents changed");
    free(words);
}

static void mstress_setup(struct worker *worker)
{
    struct own *own = harness_pages(sizeof *own);
    own->exchange = worker->state;
    worker->state = own;
}

static void mstress_slice(struct worker *worker, uint64_t nops)
{
    struct own *own = worker->state;
    for (uint64_t i = 0; i < nops; i++) {
        size_t slot = rng_range(&worker->rng, 0, OWN - 1);
        block_drop(own->slots[slot]);
        own->slots[slot] = block_make(&worker->rng);
        if (i % 4 != 0)
            continue;
        slot = rng_range(&worker->rng, 0, OWN - 1);
        size_t there = rng_range(&worker->rng, 0, SHARED - 1);
        own->slots[slot] =
            atomic_exchange_explicit(&own->exchange->slots[there],
                                     own->slots[slot], memory_order_acq_rel);
    }
}

static void mstress_finish(struct worker *worker)
{
    struct own *own = worker->state;
    for (size_t i = 0; i < OWN; i++)
        block_drop(own->slots[i]);
    for (size_t i = 0; worker->index == 0 && i < SHARED; i++)
        block_drop(atomic_load(&own->exchange->slots[i]));
}

static void mstress(struct run *run)
{
    struct loop loop = {.setup = mstress_setup,
                        .slice = mstress_slice,
                        .finish = mstress_finish,
                        .slice_ops = 5000,
                        .warm_ops = 20000,
                        .params = harness_pages(sizeof(struct exchange))};
    run_loop(run, &loop);
}

const struct workload mstress_workloads[] = {
    {"mstress", "threads that swap blocks of 8 B-800 KB at random", mstress, 4},
    {NULL, NULL, NULL, 0},
};
