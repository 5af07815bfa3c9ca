/* SPDX-License-Identifier: MIT */
/*
 * Threads that come and go: each allocates 400 mixed objects, frees all but 20
 * and leaves these to its successor, who frees them after its own have been
 * made.  One op is one object made and freed; the time contains starting and
 * joining the threads.  With --threads N there are N such chains (default 2).
 *
 * thread-storm: 100 000 threads (less if --seconds is below one), each with 20
 * objects of its own and one for its successor: the cost of being born.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    OBJECTS = 400,
    LEGACY = 20,
    STORM_LIVES = 100000,
    STORM_OBJECTS = 20,
};

struct life {
    struct run *run;
    struct rng rng;
    uint64_t ops;
    uint64_t lives;
    void *legacy[LEGACY];
};

/* Mostly small, one in sixteen up to 16 KiB: what a request handler does. */
static size_t mixed_size(struct rng *rng)
{
    if (rng_range(rng, 0, 15) == 0)
        return rng_range(rng, 1024, 16 * KIB);
    return rng_range(rng, 16, 512);
}

static void *live_once(void *arg)
{
    struct life *life = arg;
    void *objects[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        size_t size = mixed_size(&life->rng);
        objects[i] = check_block(malloc(size));
        memcpy(objects[i], &size, sizeof size);
        ((volatile char *)objects[i])[size - 1] = 1;
    }
    for (unsigned i = 0; i < LEGACY; i++)
        free(life->legacy[i]);
    /* Every twentieth survives: they lie scattered over the slabs. */
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (i % (OBJECTS / LEGACY) == 0) {
            life->legacy[i / (OBJECTS / LEGACY)] = objects[i];
        } else {
            free(objects[i]);
        }
    }
    life->ops += OBJECTS;
    life->lives++;
    return NULL;
}

static void *chain(void *arg)
{
    struct life *life = arg;
    do {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live_once, life) != 0)
            fail("cannot start a thread");
        pthread_join(thread, NULL);
    } while (!run_done(life->run, life->ops));
    for (unsigned i = 0; i < LEGACY; i++)
        free(life->legacy[i]);
    return NULL;
}

static void thread_churn(struct run *run)
{
    unsigned nchains = run_threads(run);
    struct life *lives = harness_pages(nchains * sizeof *lives);
    static pthread_t threads[MAX_THREADS];
    uint64_t nops = 0;
    uint64_t nlives = 0;
    run->options.threads = nchains;
    run_start(run);
    for (unsigned i = 0; i < nchains; i++) {
        lives[i].run = run;
        lives[i].rng = rng_make(run->options.seed + i);
        if (pthread_create(&threads[i], NULL, chain, &lives[i]) != 0)
            fail("cannot start a thread");
    }
    for (unsigned i = 0; i < nchains; i++) {
        pthread_join(threads[i], NULL);
        nops += lives[i].ops;
        nlives += lives[i].lives;
    }
    run_stop(run, nops);
    run_extra(run, "lives", (double)nlives);
    run_extra(run, "ns_per_life", (double)run->wall_ns / (double)nlives);
}

static void *live_shortly(void *arg)
{
    struct life *life = arg;
    void *objects[STORM_OBJECTS];
    for (unsigned i = 0; i < STORM_OBJECTS; i++) {
        size_t size = rng_range(&life->rng, 16, 512);
        objects[i] = check_block(malloc(size));
        block_touch(objects[i], size, size, TOUCH_ENDS);
    }
    free(life->legacy[0]);
    life->legacy[0] = objects[0];
    for (unsigned i = 1; i < STORM_OBJECTS; i++)
        free(objects[i]);
    return NULL;
}

static void *storm(void *arg)
{
    struct life *life = arg;
    for (; life->lives > 0; life->lives--) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, live_shortly, life) != 0)
            fail("cannot start a thread");
        pthread_join(thread, NULL);
        life->ops += STORM_OBJECTS;
    }
    free(life->legacy[0]);
    return NULL;
}

static uint64_t storm_lives(const struct options *options)
{
    if (options->ops)
        return (options->ops + STORM_OBJECTS - 1) / STORM_OBJECTS;
    double share = options->seconds < 1 ? options->seconds : 1;
    return (uint64_t)(STORM_LIVES * share);
}

static void thread_storm(struct run *run)
{
    unsigned nchains = run_threads(run);
    struct life *lives = harness_pages(nchains * sizeof *lives);
    static pthread_t threads[MAX_THREADS];
    uint64_t each = (storm_lives(&run->options) + nchains - 1) / nchains;
    run->options.threads = nchains;
    run_start(run);
    for (unsigned i = 0; i < nchains; i++) {
        lives[i].lives = each;
        lives[i].rng = rng_make(run->options.seed + i);
        if (pthread_create(&threads[i], NULL, storm, &lives[i]) != 0)
            fail("cannot start a thread");
    }
    for (unsigned i = 0; i < nchains; i++)
        pthread_join(threads[i], NULL);
    run_stop(run, each * nchains * STORM_OBJECTS);
    run_extra(run, "lives", (double)(each * nchains));
    run_extra(run, "ns_per_life",
              (double)run->wall_ns / (double)(each * nchains));
}

const struct workload thread_churn_workloads[] = {
    {"thread-churn",
     "threads that come and go, each leaving 20 of 400 objects to the next",
     thread_churn, 2},
    {"thread-storm", "100 000 short threads of 20 objects each", thread_storm,
     2},
    {NULL, NULL, NULL, 0},
};
