/* SPDX-License-Identifier: MIT */
/*
 * What stays resident after memory was freed.
 *
 * retain-*: 2 GiB of mixed sizes are filled; all is freed in random order but
 * eight runs of 12.5 MiB, each made in one go: the data a program kept.  (Were
 * single small objects kept, they would pin their pages and no allocator could
 * give them back.)  frag-phase: small objects, most freed, then large ones;
 * survivors lie in runs and, one in 2000, alone.
 */
#include "bench.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETAIN_MIB = 2048,
    KEPT_RUNS = 8,
    RETAIN_MAX_BLOCKS = 4 << 20,
    IDLE_SECONDS = 10,
    SAMPLE_EVERY = 256, /* blocks between two looks at the clock */
    SMALL_MIB = 128,
    SMALL_MAX_BLOCKS = 2 << 20,
    FRAG_ROUNDS = 4,
    LARGE_MAX_BLOCKS = 16384,
};

struct block {
    void *mem;
    size_t size;
};

struct blocks {
    struct run *run; /* whose timeline shows what comes and goes */
    struct block *all;
    size_t count;
    uint64_t bytes; /* requested, live */
};

static void blocks_add(struct blocks *blocks, size_t size, size_t max)
{
    if (blocks->count == max)
        fail("too many blocks for the harness");
    void *mem = check_block(malloc(size));
    memset(mem, 0x5a, size);
    blocks->all[blocks->count++] = (struct block){mem, size};
    blocks->bytes += size;
    if (blocks->count % SAMPLE_EVERY == 0)
        run_sample(blocks->run);
}

static void blocks_shuffle(struct block *all, size_t count, struct rng *rng)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = rng_range(rng, 0, i - 1);
        struct block swapped = all[i - 1];
        all[i - 1] = all[other];
        all[other] = swapped;
    }
}

/* Frees the blocks from index `from` on. */
static void blocks_cut(struct blocks *blocks, size_t from)
{
    for (size_t i = from; i < blocks->count; i++) {
        free(blocks->all[i].mem);
        blocks->bytes -= blocks->all[i].size;
        if (i % SAMPLE_EVERY == 0)
            run_sample(blocks->run);
    }
    blocks->count = from;
}

/* A third of the bytes each: small, medium, large. */
static size_t retain_size(struct rng *rng, const uint64_t bytes[3])
{
    if (bytes[0] <= bytes[1] && bytes[0] <= bytes[2])
        return rng_range(rng, 16, 512);
    if (bytes[1] <= bytes[2])
        return rng_range(rng, 1 * KIB, 64 * KIB);
    return rng_range(rng, 100 * KIB, 2 * MIB);
}

static size_t retain_kind(size_t size)
{
    return size <= 512 ? 0 : size <= 64 * KIB ? 1 : 2;
}

static void retain_fill(struct blocks *kept, struct blocks *freed,
                        struct rng *rng)
{
    uint64_t limit = RETAIN_MIB * MIB;
    uint64_t period = limit / KEPT_RUNS;
    uint64_t bytes[3] = {0, 0, 0};
    uint64_t total = 0;
    while (total < limit) {
        size_t size = retain_size(rng, bytes);
        bytes[retain_kind(size)] += size;
        /* In the middle of each eighth, one twentieth of it is kept. */
        uint64_t at = total % period;
        bool keep = at >= period / 2 && at < period / 2 + period / 20;
        blocks_add(keep ? kept : freed, size, RETAIN_MAX_BLOCKS);
        total += size;
    }
}

struct retained {
    struct blocks kept;
    uint64_t base_kib;
};

/* Everything up to the last free; the harness' arrays are in base_kib. */
static struct retained retain(struct run *run)
{
    struct rng rng = rng_make(run->options.seed);
    size_t array = RETAIN_MAX_BLOCKS * sizeof(struct block);
    struct blocks freed = {.run = run, .all = harness_pages(array)};
    struct retained retained = {
        .kept = {.run = run, .all = harness_pages(array / KEPT_RUNS)}};
    uint64_t with_array = rss_kib();
    run->options.threads = 1;
    run_start(run);
    retain_fill(&retained.kept, &freed, &rng);
    uint64_t full = rss_kib();
    size_t nops = freed.count + retained.kept.count;
    blocks_shuffle(freed.all, freed.count, &rng);
    blocks_cut(&freed, 0);
    run_stop(run, nops);
    harness_pages_free(freed.all, array);
    retained.base_kib = with_array - array / KIB;
    run_extra(run, "full_rss_kib", (double)(full - with_array));
    run_extra(run, "freed_rss_kib", (double)(rss_kib() - retained.base_kib));
    return retained;
}

static void retain_report(struct run *run, const struct retained *retained)
{
    double live = (double)retained->kept.bytes / 1024;
    double rss = (double)(rss_kib() - retained->base_kib);
    run_extra(run, "live_kib", live);
    run_extra(run, "kept_rss_kib", rss);
    run_extra(run, "rss_over_live", rss / live);
}

static void retain_trim(struct run *run)
{
    struct retained retained = retain(run);
    uint64_t begin = clock_ns();
    malloc_trim(0);
    run_extra(run, "trim_ms", (double)(clock_ns() - begin) / 1e6);
    run_rest(run, 1.0);
    retain_report(run, &retained);
}

/* A daemon at rest: ten small calls a second. */
static void retain_idle(struct run *run)
{
    struct retained retained = retain(run);
    for (unsigned i = 0; i < IDLE_SECONDS * 10; i++) {
        char *mem = check_block(malloc(100));
        *(volatile char *)mem = 1;
        free(mem);
        run_rest(run, 0.1);
    }
    retain_report(run, &retained);
}

/* Survivors to the front: each twentieth run of 1000, one in 2000 others. */
static size_t frag_survivors(struct block *all, size_t count, struct rng *rng)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i / 1000 % 20 != 0 && rng_range(rng, 0, 1999) != 0)
            continue;
        struct block swapped = all[kept];
        all[kept++] = all[i];
        all[i] = swapped;
    }
    return kept;
}

/* The number of blocks made. */
static uint64_t frag_round(struct blocks *small, struct blocks *large,
                           struct rng *rng)
{
    uint64_t limit = SMALL_MIB * MIB;
    uint64_t made = 0 - (uint64_t)small->count;
    while (small->bytes < limit)
        blocks_add(small, rng_range(rng, 16, 256), SMALL_MAX_BLOCKS);
    made += small->count;
    size_t kept = frag_survivors(small->all, small->count, rng);
    blocks_shuffle(small->all + kept, small->count - kept, rng);
    blocks_cut(small, kept);
    while (small->bytes + large->bytes < limit)
        blocks_add(large, rng_range(rng, 8 * KIB, 256 * KIB), LARGE_MAX_BLOCKS);
    return made + large->count;
}

/*
 * Each round wants 128 MiB at once and never more.  What the peak is above
 * that, the allocator could not use again.
 */
static void frag_phase(struct run *run)
{
    struct rng rng = rng_make(run->options.seed);
    struct blocks small = {
        .run = run,
        .all = harness_pages(SMALL_MAX_BLOCKS * sizeof(struct block))};
    struct blocks large = {
        .run = run,
        .all = harness_pages(LARGE_MAX_BLOCKS * sizeof(struct block))};
    uint64_t base = rss_kib();
    uint64_t nops = 0;
    double live = (double)(SMALL_MIB * KIB);
    run->options.threads = 1;
    run_start(run);
    for (unsigned round = 0; round < FRAG_ROUNDS; round++) {
        nops += frag_round(&small, &large, &rng);
        if (round + 1 < FRAG_ROUNDS)
            blocks_cut(&large, 0);
    }
    run_stop(run, nops);
    run_extra(run, "live_kib", live);
    run_extra(run, "kept_rss_kib", (double)(run->rss_kib - base));
    run_extra(run, "rss_over_live", (double)(run->rss_kib - base) / live);
    run_extra(run, "peak_over_live", (double)(peak_kib() - base) / live);
}

const struct workload retain_workloads[] = {
    {"frag-phase",
     "4 times: 128 MiB of small blocks, 19 of 20 freed, large ones instead",
     frag_phase, 1},
    {"retain-trim", "2 GiB, all but 100 MiB freed, malloc_trim, RSS after 1 s",
     retain_trim, 1},
    {"retain-idle", "2 GiB, all but 100 MiB freed, RSS after 10 s of idling",
     retain_idle, 1},
    {NULL, NULL, NULL, 0},
};
