/* SPDX-License-Identifier: MIT */
/*
 * A daemon after its rush hour: threads make 256 MiB of mixed blocks, free all
 * but a sixteenth of them (each the data of 64 neighbours in time), and then
 * rest without a call for 1.5 s, with ten small calls a second for 1.5 s more.
 * rss_quiet_kib is what stays with no call at all: only an allocator that
 * gives memory back while it frees, or from a thread of its own, can be low.
 * One op is one block made.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    PEAK_MIB = 256,
    KEEP_RUN = 64, /* neighbours in time that live or go together */
    KEEP_ONE_IN = 16,
    MAX_BLOCKS = 1 << 20,
};

static const double rest_seconds = 1.5;

struct rush {
    struct run *run;
    pthread_barrier_t *full;
    pthread_barrier_t *empty; /* once when all is freed, once at the end */
    struct rng rng;
    uint64_t limit; /* bytes of this thread */
    size_t count;
    void **blocks;
    unsigned index;
};

/* Mostly small; half of the bytes in blocks of 4-64 KiB. */
static size_t idle_size(struct rng *rng)
{
    if (rng_range(rng, 0, 127) == 0)
        return rng_range(rng, 4 * KIB, 64 * KIB);
    return rng_range(rng, 16, 512);
}

static void *rush_thread(void *arg)
{
    struct rush *rush = arg;
    for (uint64_t bytes = 0; bytes < rush->limit; rush->count++) {
        size_t size = idle_size(&rush->rng);
        if (rush->count == MAX_BLOCKS)
            fail("too many blocks for the harness");
        rush->blocks[rush->count] = check_block(malloc(size));
        block_touch(rush->blocks[rush->count], size, bytes, TOUCH_FILL);
        bytes += size;
        if (rush->index == 0 && rush->count % KEEP_RUN == 0)
            run_sample(rush->run);
    }
    pthread_barrier_wait(rush->full);
    for (size_t i = 0; i < rush->count; i++) {
        if (i / KEEP_RUN % KEEP_ONE_IN != 0)
            free(rush->blocks[i]);
        if (rush->index == 0 && i % KEEP_RUN == 0)
            run_sample(rush->run);
    }
    pthread_barrier_wait(rush->empty);
    pthread_barrier_wait(rush->empty);
    return NULL;
}

static void make_calls(struct run *run)
{
    for (unsigned i = 0; i < (unsigned)(rest_seconds * 10); i++) {
        char *mem = check_block(malloc(100));
        *(volatile char *)mem = 1;
        free(mem);
        run_rest(run, 0.1);
    }
}

/* The threads sleep before `empty`, with what they cache, to the end. */
static void idle_peak(struct run *run)
{
    static pthread_t threads[MAX_THREADS];
    static pthread_barrier_t full;
    static pthread_barrier_t empty;
    unsigned nthreads = run_threads(run);
    struct rush *rushes = harness_pages(nthreads * sizeof *rushes);
    uint64_t nops = 0;
    run->options.threads = nthreads;
    pthread_barrier_init(&full, NULL, nthreads);
    pthread_barrier_init(&empty, NULL, nthreads + 1);
    for (unsigned i = 0; i < nthreads; i++) {
        rushes[i] = (struct rush){.run = run,
                                  .full = &full,
                                  .empty = &empty,
                                  .rng = rng_make(run->options.seed + i),
                                  .limit = PEAK_MIB * MIB / nthreads,
                                  .index = i};
        rushes[i].blocks = harness_pages(MAX_BLOCKS * sizeof(void *));
    }
    uint64_t base = rss_kib();
    run_start(run);
    for (unsigned i = 0; i < nthreads; i++) {
        if (pthread_create(&threads[i], NULL, rush_thread, &rushes[i]) != 0)
            fail("cannot start a thread");
    }
    pthread_barrier_wait(&empty);
    for (unsigned i = 0; i < nthreads; i++)
        nops += rushes[i].count;
    run_stop(run, nops);
    run_rest(run, rest_seconds);
    run_extra(run, "rss_quiet_kib", (double)(run->rss_idle_kib - base));
    make_calls(run);
    run_extra(run, "kept_rss_kib", (double)(run->rss_idle_kib - base));
    pthread_barrier_wait(&empty);
    for (unsigned i = 0; i < nthreads; i++)
        pthread_join(threads[i], NULL);
}

const struct workload idle_workloads[] = {
    {"idle-peak", "256 MiB at the peak, a sixteenth kept, RSS at rest",
     idle_peak, 2},
    {NULL, NULL, NULL, 0},
};
