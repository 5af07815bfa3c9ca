/* SPDX-License-Identifier: MIT */
/*
 * Exponential sizes and touched pages, after Jansson's rpmalloc-benchmark
 * (program "benchmark", rptest in mimalloc's suite).  A thread keeps 2000
 * blocks and replaces a random one per step; sizes are 16 B-64 KiB, half as
 * probable when twice as large; the first byte of each page is written.  One
 * block in eight is sent to the next thread, which reads and frees it; with
 * one thread it comes back to the sender.  One op is one block made and freed.
 */
#include "bench.h"
#include "mailbox.h"

#include <stdlib.h>

enum {
    BLOCKS = 2000,
    OCTAVES = 12, /* 16 B << 12 is 64 KiB */
    SEND_EVERY = 8,
};

struct office {
    struct mailbox boxes[MAX_THREADS];
};

struct tester {
    struct office *office;
    struct mailbox *mine;
    struct mailbox *next;
    uint64_t checksum;
    struct own {
        unsigned char *mem;
        size_t size;
    } blocks[BLOCKS];
};

static size_t rptest_size(struct rng *rng)
{
    uint64_t random = rng_next(rng);
    /* The top bit keeps the count of zeros below OCTAVES. */
    unsigned octave =
        (unsigned)__builtin_ctzll(random | (uint64_t)1 << (OCTAVES - 1));
    size_t base = (size_t)16 << octave;
    return base + rng_scale((uint32_t)(random >> 32), base);
}

static void rptest_setup(struct worker *worker)
{
    struct tester *tester = harness_pages(sizeof *tester);
    unsigned nthreads = worker->run->options.threads;
    tester->office = worker->state;
    tester->mine = &tester->office->boxes[worker->index];
    tester->next = &tester->office->boxes[(worker->index + 1) % nthreads];
    worker->state = tester;
}

static void rptest_slice(struct worker *worker, uint64_t nops)
{
    struct tester *tester = worker->state;
    for (uint64_t i = 0; i < nops; i++) {
        struct own *own =
            &tester->blocks[rng_range(&worker->rng, 0, BLOCKS - 1)];
        if (own->mem && i % SEND_EVERY == 0) {
            mailbox_send(tester->next, own->mem, own->size);
        } else {
            free(own->mem);
        }
        own->size = rptest_size(&worker->rng);
        own->mem = check_block(malloc(own->size));
        block_touch(own->mem, own->size, i, TOUCH_PAGES);
        if (i % SEND_EVERY == 0)
            tester->checksum += mailbox_empty(tester->mine);
    }
}

static void rptest_finish(struct worker *worker)
{
    struct tester *tester = worker->state;
    tester->checksum += mailbox_empty(tester->mine);
    for (size_t i = 0; i < BLOCKS; i++)
        free(tester->blocks[i].mem);
}

static void rptest(struct run *run)
{
    struct loop loop = {.setup = rptest_setup,
                        .slice = rptest_slice,
                        .finish = rptest_finish,
                        .slice_ops = 5000,
                        .warm_ops = 20000,
                        .params = harness_pages(sizeof(struct office))};
    run_loop(run, &loop);
}

const struct workload rptest_workloads[] = {
    {"rptest", "2000 live blocks of 16 B-64 KiB, exponential, pages touched",
     rptest, 2},
    {NULL, NULL, NULL, 0},
};
