/* SPDX-License-Identifier: MIT */
/* What an allocator costs before it serves much: memory, not time. */
#include "bench.h"

#include <liballoc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* There only under liballoc. */
#pragma weak liballoc_stats_get

enum {
    TINY = 40,
    METADATA_MIB = 1024,
    METADATA_MAX_BLOCKS = 5 << 20,
    IDLE_THREADS = 64,
    IDLE_OBJECTS = 100,
};

static void tiny(struct run *run)
{
    static const size_t sizes[8] = {24, 40, 100, 1000, 64, 16, 4096, 300};
    void *blocks[TINY];
    run->options.threads = 1;
    run_start(run);
    for (unsigned i = 0; i < TINY; i++) {
        size_t size = sizes[i % 8] + i;
        blocks[i] = check_block(malloc(size));
        memset(blocks[i], 1, size);
    }
    run_stop(run, TINY);
    for (unsigned i = 0; i < TINY; i++)
        free(blocks[i]);
}

static void metadata(struct run *run)
{
    void **blocks = harness_pages(METADATA_MAX_BLOCKS * sizeof *blocks);
    struct rng rng = rng_make(run->options.seed);
    uint64_t base = rss_kib();
    uint64_t bytes = 0;
    size_t count = 0;
    run->options.threads = 1;
    run_start(run);
    while (bytes < METADATA_MIB * MIB) {
        size_t size = rng_range(&rng, 64, 512);
        if (count == METADATA_MAX_BLOCKS)
            fail("too many blocks for the harness");
        blocks[count] = check_block(malloc(size));
        memset(blocks[count++], 1, size);
        bytes += size;
    }
    run_stop(run, count);
    double live = (double)bytes / 1024;
    run_extra(run, "live_kib", live);
    run_extra(run, "rss_over_live", (double)(run->rss_kib - base) / live);
    struct liballoc_stats stats = {.live = 0};
    if (liballoc_stats_get && liballoc_stats_get(&stats, sizeof stats) == 0) {
        run_extra(run, "metadata_kib", (double)stats.metadata / 1024);
        run_extra(run, "metadata_over_live",
                  (double)stats.metadata / 1024 / live);
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
}

/* What the threads of one trial do before they sleep. */
enum idle_kind {
    IDLE_NOTHING, /* the baseline: a thread's stack and TLS */
    IDLE_ONE,     /* 100 objects of 64 B */
    IDLE_MIXED,   /* 100 objects of 16-128 B */
};

struct idle_trial {
    enum idle_kind kind;
    pthread_barrier_t ready;
    pthread_barrier_t measured;
};

static void *idle_thread(void *arg)
{
    struct idle_trial *trial = arg;
    void *objects[IDLE_OBJECTS];
    struct rng rng = rng_make(7);
    for (unsigned i = 0; trial->kind && i < IDLE_OBJECTS; i++) {
        size_t size = trial->kind == IDLE_ONE ? 64 : rng_range(&rng, 16, 128);
        objects[i] = check_block(malloc(size));
        memset(objects[i], 1, size);
    }
    for (unsigned i = 0; trial->kind && i < IDLE_OBJECTS; i++)
        free(objects[i]);
    pthread_barrier_wait(&trial->ready);
    pthread_barrier_wait(&trial->measured);
    return NULL;
}

/* KiB that 64 sleeping threads add to this process. */
static uint64_t idle_growth(enum idle_kind kind)
{
    static pthread_t threads[IDLE_THREADS];
    static struct idle_trial trial;
    pthread_attr_t attr;
    trial.kind = kind;
    pthread_barrier_init(&trial.ready, NULL, IDLE_THREADS + 1);
    pthread_barrier_init(&trial.measured, NULL, IDLE_THREADS + 1);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * KIB);
    uint64_t before = rss_kib();
    for (unsigned i = 0; i < IDLE_THREADS; i++) {
        if (pthread_create(&threads[i], &attr, idle_thread, &trial) != 0)
            fail("cannot start a thread");
    }
    pthread_barrier_wait(&trial.ready);
    sleep_ms(100);
    uint64_t after = rss_kib();
    pthread_barrier_wait(&trial.measured);
    for (unsigned i = 0; i < IDLE_THREADS; i++)
        pthread_join(threads[i], NULL);
    return after - before;
}

/* In a child: glibc keeps the stacks of threads that ended for the next. */
static double idle_trial(enum idle_kind kind)
{
    int ends[2];
    uint64_t growth = 0;
    if (pipe(ends) != 0)
        fail("no pipe");
    pid_t child = fork();
    if (child < 0)
        fail("cannot fork");
    if (child == 0) {
        growth = idle_growth(kind);
        _exit(write(ends[1], &growth, sizeof growth) != sizeof growth);
    }
    int status = 0;
    ssize_t got = read(ends[0], &growth, sizeof growth);
    close(ends[0]);
    close(ends[1]);
    if (waitpid(child, &status, 0) != child || status != 0 ||
        got != (ssize_t)sizeof growth)
        fail("the child that holds the threads failed");
    return (double)growth / IDLE_THREADS;
}

static void idle_threads(struct run *run)
{
    run->options.threads = IDLE_THREADS;
    run_start(run);
    double nothing = idle_trial(IDLE_NOTHING);
    double one = idle_trial(IDLE_ONE);
    double mixed = idle_trial(IDLE_MIXED);
    run_stop(run, IDLE_THREADS);
    run_extra(run, "bare_kib_per_thread", nothing);
    run_extra(run, "one_size_kib_per_thread", one - nothing);
    run_extra(run, "kib_per_thread", mixed - nothing);
}

const struct workload footprint_workloads[] = {
    {"tiny", "a program with 40 mallocs", tiny, 1},
    {"metadata", "1 GiB live of 64-512 B objects: what else is resident",
     metadata, 1},
    {"idle-threads", "64 threads that made and freed 100 objects, then sleep",
     idle_threads, IDLE_THREADS},
    {NULL, NULL, NULL, 0},
};
