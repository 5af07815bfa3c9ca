/* SPDX-License-Identifier: MIT */
/*
 * Private churn: each thread keeps N objects of its own and replaces a random
 * one by one of a random size.  One op is one free and one malloc.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

struct churn_params {
    size_t nlive;
    size_t min;
    size_t max;
    uint64_t slice_ops;
    uint64_t warm_ops;
};

struct churn {
    size_t nlive;
    size_t min;
    size_t nsizes;
    uint64_t misaligned;
    void **live;
};

static inline void churn(struct worker *worker, uint64_t nops, enum touch touch)
{
    const struct churn churn = *(const struct churn *)worker->state;
    struct rng rng = worker->rng;
    for (uint64_t i = 0; i < nops; i++) {
        uint64_t random = rng_next(&rng);
        size_t slot = rng_scale((uint32_t)random, churn.nlive);
        size_t size =
            churn.min + rng_scale((uint32_t)(random >> 32), churn.nsizes);
        free(churn.live[slot]);
        void *mem = check_block(malloc(size));
        block_touch(mem, size, random, touch);
        churn.live[slot] = mem;
    }
    worker->rng = rng;
}

static void churn_slice(struct worker *worker, uint64_t nops)
{
    churn(worker, nops, TOUCH_START);
}

static void churn_slice_ends(struct worker *worker, uint64_t nops)
{
    churn(worker, nops, TOUCH_ENDS);
}

static void churn_slice_fill(struct worker *worker, uint64_t nops)
{
    churn(worker, nops, TOUCH_FILL);
}

/*
 * One aligned block.  A wrong one is counted, not fatal: mimalloc 2.0.9, which
 * Debian 12 ships, gives some (its issue 700), and its time is still of use.
 */
static void *aligned_block(struct churn *churn, uint64_t random, size_t size)
{
    size_t align = (size_t)32 << (((random & 0xffff) * 8) >> 16);
    void *mem = NULL;
    if (posix_memalign(&mem, align, size) != 0)
        fail("posix_memalign failed");
    if ((uintptr_t)mem & (align - 1))
        churn->misaligned++;
    return mem;
}

static void aligned_slice(struct worker *worker, uint64_t nops)
{
    struct churn churn = *(const struct churn *)worker->state;
    struct rng rng = worker->rng;
    for (uint64_t i = 0; i < nops; i++) {
        uint64_t random = rng_next(&rng);
        size_t slot = rng_scale((uint32_t)random, churn.nlive);
        size_t size =
            churn.min + rng_scale((uint32_t)(random >> 32), churn.nsizes);
        free(churn.live[slot]);
        void *mem = aligned_block(&churn, rng_next(&rng), size);
        block_touch(mem, size, random, TOUCH_ENDS);
        churn.live[slot] = mem;
    }
    worker->rng = rng;
    ((struct churn *)worker->state)->misaligned = churn.misaligned;
}

static void churn_setup(struct worker *worker)
{
    const struct churn_params *params = worker->state;
    size_t bytes = sizeof(struct churn) + params->nlive * sizeof(void *);
    struct churn *churn = harness_pages(bytes);
    churn->nlive = params->nlive;
    churn->min = params->min;
    churn->nsizes = params->max - params->min + 1;
    churn->live = (void **)(churn + 1);
    for (size_t i = 0; i < churn->nlive; i++) {
        size_t size = rng_range(&worker->rng, params->min, params->max);
        churn->live[i] = check_block(malloc(size));
        block_touch(churn->live[i], size, size, TOUCH_START);
    }
    worker->state = churn;
}

static void churn_finish(struct worker *worker)
{
    const struct churn *churn = worker->state;
    if (churn->misaligned && worker->index == 0)
        run_extra(worker->run, "misaligned", (double)churn->misaligned);
    for (size_t i = 0; i < churn->nlive; i++)
        free(churn->live[i]);
}

static void churn_run(struct run *run, const struct churn_params *params,
                      void (*slice)(struct worker *, uint64_t))
{
    struct loop loop = {.setup = churn_setup,
                        .slice = slice,
                        .finish = churn_finish,
                        .slice_ops = params->slice_ops,
                        .warm_ops = params->warm_ops,
                        .params = params};
    run_loop(run, &loop);
}

static void churn_1k(struct run *run)
{
    static const struct churn_params params = {1000, 8, 512, 100000, 100000};
    churn_run(run, &params, churn_slice);
}

static void churn_64k(struct run *run)
{
    static const struct churn_params params = {64000, 8, 512, 100000, 1000000};
    churn_run(run, &params, churn_slice);
}

static void churn_medium(struct run *run)
{
    static const struct churn_params params = {1000, 1 * KIB, 64 * KIB, 20000,
                                               100000};
    churn_run(run, &params, churn_slice_ends);
}

static void churn_large(struct run *run)
{
    static const struct churn_params params = {64, 100 * KIB, 2 * MIB, 1000,
                                               100000};
    churn_run(run, &params, churn_slice_ends);
}

static void churn_large_fill(struct run *run)
{
    static const struct churn_params params = {64, 100 * KIB, 2 * MIB, 50, 500};
    churn_run(run, &params, churn_slice_fill);
}

static void aligned_churn(struct run *run)
{
    static const struct churn_params params = {1000, 16, 16 * KIB, 20000,
                                               100000};
    churn_run(run, &params, aligned_slice);
}

const struct workload churn_workloads[] = {
    {"churn-1k", "1000 live objects of 8-512 B, one replaced per step",
     churn_1k, 1},
    {"churn-64k", "64000 live objects of 8-512 B, one replaced per step",
     churn_64k, 1},
    {"churn-medium", "1000 live blocks of 1-64 KiB (32 MiB)", churn_medium, 1},
    {"churn-large", "64 live blocks of 0.1-2 MiB (67 MiB), ends touched",
     churn_large, 1},
    {"churn-large-fill", "64 live blocks of 0.1-2 MiB, each filled",
     churn_large_fill, 1},
    {"aligned-churn",
     "1000 live blocks of 16 B-16 KiB, posix_memalign to 32-4096",
     aligned_churn, 1},
    {NULL, NULL, NULL, 0},
};
