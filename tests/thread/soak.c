/* SPDX-License-Identifier: MIT */
/*
 * soak SECONDS [SEED]: up to eight threads in phases that change: sizes,
 * number of threads, how much lives, rests, trims.  Every byte of every block
 * is written and looked at again.
 *
 *   stripes    64 tables of short-lived blocks, each under a lock: a worker
 *              takes 30 % of its steps in any of them, else in its own
 *   residents  blocks that live for ever, each replaced now and then by one
 *              of its own size from another thread: what is live never
 *              changes, where it lies does
 *
 * At each of 60 checkpoints only the residents live, and malloc_trim(0) was
 * called.  One figure swings by some percent with how the last phase left
 * them, so means of ten are compared: the bytes resident at the last ten may be
 * 1.05 times those at the 6th to 15th, around minute 10 of 60.  scripts/soak
 * runs it.
 */
#include "contents.h"
#include "liballoc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

enum {
    WORKERS = 8,
    STRIPES = 64,
    SLOTS = 512, /* of a stripe */
    RESIDENTS = 20000,
    STEPS = 64,   /* under one lock */
    REPLACED = 8, /* residents, after them */
    PHASES = 720, /* of 5 s in an hour */
    CHECKPOINTS = 60,
    EARLY = 6,
    MEAN_OF = 10,
};

struct stripe {
    pthread_mutex_t lock;
    struct block slots[SLOTS];
    struct block residents[RESIDENTS / STRIPES];
};

struct phase {
    unsigned number;
    unsigned nthreads;
    unsigned mix;       /* of sizes */
    unsigned rest_us;   /* between two stripes */
    unsigned trim_each; /* stripes between two trims; 0: none */
    size_t live_most;   /* of short-lived blocks */
    double end;         /* seconds since the start */
};

static struct stripe *stripes; /* mmapped */
static struct phase phase;
static atomic_size_t live; /* bytes of short-lived blocks */
static atomic_ulong operations;
static uint64_t seed;
static double first_time;
static double length; /* of the run, in seconds */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9 - first_time;
}

static void check(const struct block *block)
{
    size_t wrong = contents_wrong(block, block->size);
    if (wrong != SIZE_MAX) {
        fprintf(stderr,
                "FAIL soak: byte %zu of block %p of %zu changed, seed %" PRIu64
                "\n",
                wrong, (void *)block->mem, block->size, seed);
        abort();
    }
}

static size_t phase_size(uint64_t *random)
{
    switch (phase.mix) {
    case 0:
        return random_below(random, 200);
    case 1:
        return 1 + random_below(random, 8 * KIB);
    case 2:
        return 1 + random_below(random, 200 * KIB);
    case 3: /* one size, another in each phase */
        return (size_t)24 << (phase.number % 12);
    default:
        return random_size(random);
    }
}

static void make(struct block *block, size_t size, uint64_t *random)
{
    uint64_t dice = random_next(random);
    block->size = size;
    block->seed = (uint32_t)(dice >> 32);
    block->align = (uint16_t)(dice % 16 == 0 ? 16u << dice / 16 % 7 : 1);
    void *mem = block->align > 1 ? memalign(block->align, size) : malloc(size);
    block->mem = launder(mem);
    if (block->mem == NULL || (uintptr_t)mem % block->align != 0) {
        fprintf(stderr, "FAIL soak: %zu bytes: %p\n", size, mem);
        abort();
    }
    contents_write(block);
}

static void drop(struct block *block)
{
    check(block);
    free(block->mem);
    block->mem = NULL;
}

static void resize(struct block *block, size_t size, uint64_t *random)
{
    size_t least = size < block->size ? size : block->size;
    check(block);
    block->mem = launder(realloc(block->mem, size));
    if (block->mem == NULL || contents_wrong(block, least) != SIZE_MAX) {
        fprintf(stderr, "FAIL soak: realloc from %zu to %zu: %p\n", block->size,
                size, (void *)block->mem);
        abort();
    }
    block->size = size;
    block->seed = (uint32_t)random_next(random);
    contents_write(block);
}

/* One operation on a short-lived block of the stripe. */
static void step(struct stripe *stripe, uint64_t *random)
{
    struct block *block = &stripe->slots[random_below(random, SLOTS)];
    size_t was = block->mem != NULL ? block->size : 0;
    bool room = atomic_load(&live) < phase.live_most;
    if (block->mem == NULL) {
        if (!room) {
            return;
        }
        make(block, phase_size(random), random);
    } else if (room && random_below(random, 5) == 0) {
        resize(block, phase_size(random) + 1, random);
    } else {
        drop(block);
    }
    atomic_fetch_add(&live, (block->mem != NULL ? block->size : 0) - was);
}

static void replace_resident(struct stripe *stripe, uint64_t *random)
{
    struct block *block =
        &stripe->residents[random_below(random, RESIDENTS / STRIPES)];
    struct block fresh;
    make(&fresh, block->size, random);
    drop(block);
    *block = fresh;
}

static void *work(void *arg)
{
    unsigned id = (unsigned)(uintptr_t)arg;
    uint64_t random = mix(seed + phase.number * WORKERS + id);
    for (unsigned turn = 1; seconds() < phase.end; turn++) {
        unsigned at = id + WORKERS * (turn % (STRIPES / WORKERS));
        if (random_below(&random, 10) < 3) {
            at = (unsigned)random_below(&random, STRIPES);
        }
        pthread_mutex_lock(&stripes[at].lock);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&stripes[at], &random);
        }
        for (unsigned i = 0; i < REPLACED; i++) {
            replace_resident(&stripes[at], &random);
        }
        pthread_mutex_unlock(&stripes[at].lock);
        atomic_fetch_add(&operations, STEPS + 2 * REPLACED);
        if (phase.rest_us > 0) {
            usleep((unsigned)random_below(&random, phase.rest_us));
        }
        if (phase.trim_each > 0 && turn % phase.trim_each == 0) {
            malloc_trim(0);
        }
    }
    return NULL;
}

/* Threads of its own for each phase: heaps change hands. */
static void run_phase(uint64_t *random, double end)
{
    pthread_t threads[WORKERS];
    phase.number++;
    phase.nthreads = 1 + (unsigned)random_below(random, WORKERS);
    phase.mix = (unsigned)random_below(random, 5);
    phase.rest_us = random_below(random, 4) == 0 ? 20000 : 0;
    phase.trim_each = random_below(random, 4) == 0
                          ? 50 + (unsigned)random_below(random, 500)
                          : 0;
    phase.live_most = (8 * MIB) << random_below(random, 6);
    phase.end = seconds() + length / PHASES;
    phase.end = phase.end < end ? phase.end : end;
    for (uintptr_t i = 0; i < phase.nthreads; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0) {
            abort();
        }
    }
    for (unsigned i = 0; i < phase.nthreads; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* Where it is, in MiB, if liballoc can tell. */
static void print_stats(void)
{
    int (*get)(struct liballoc_stats *, size_t) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "liballoc_stats_get");
    struct liballoc_stats now;
    memcpy(&get, &symbol, sizeof(get));
    if (get != NULL && get(&now, sizeof(now)) == 0) {
        printf("         live %.1f, free: slabs %.1f, chunks %.1f, bins %.1f, "
               "pages %.1f; metadata %.1f; %d heaps\n",
               (double)now.live / (double)MIB,
               (double)now.slab_free / (double)MIB,
               (double)now.chunk_free / (double)MIB,
               (double)now.cached / (double)MIB,
               (double)now.page_free / (double)MIB,
               (double)now.metadata / (double)MIB, (int)now.heaps);
    }
}

/* Resident for the residents alone, all of whose contents are looked at. */
static size_t checkpoint(size_t start)
{
    for (unsigned i = 0; i < STRIPES; i++) {
        for (unsigned j = 0; j < SLOTS; j++) {
            if (stripes[i].slots[j].mem != NULL) {
                drop(&stripes[i].slots[j]);
            }
        }
        for (unsigned j = 0; j < RESIDENTS / STRIPES; j++) {
            check(&stripes[i].residents[j]);
        }
    }
    atomic_store(&live, 0);
    size_t untrimmed = self_resident() - start;
    malloc_trim(0);
    size_t resident = self_resident() - start;
    printf("%6.0f s: %lu operations, %u phases, resident %.1f MiB, %.1f before "
           "the trim\n",
           seconds(), atomic_load(&operations), phase.number,
           (double)resident / (double)MIB, (double)untrimmed / (double)MIB);
    print_stats();
    fflush(stdout);
    return resident;
}

static size_t make_residents(uint64_t *random)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < STRIPES; i++) {
        pthread_mutex_init(&stripes[i].lock, NULL);
        for (unsigned j = 0; j < RESIDENTS / STRIPES; j++) {
            make(&stripes[i].residents[j], random_size(random), random);
            bytes += stripes[i].residents[j].size;
        }
    }
    return bytes;
}

/* All phases; true if resident memory stayed within its bound. */
static bool run(size_t start, uint64_t *random)
{
    double early = 0;
    double late = 0;
    for (unsigned n = 1; n <= CHECKPOINTS; n++) {
        double end = length * n / CHECKPOINTS;
        while (seconds() < end) {
            run_phase(random, end);
        }
        double resident = (double)checkpoint(start);
        early += n >= EARLY && n < EARLY + MEAN_OF ? resident / MEAN_OF : 0;
        late += n > CHECKPOINTS - MEAN_OF ? resident / MEAN_OF : 0;
    }
    bool fine = late <= 1.05 * early;
    printf("%s: %lu operations in %u phases, 0 errors; resident %.1f MiB, then "
           "%.1f MiB: %.3f\n",
           fine ? "ok" : "FAIL", atomic_load(&operations), phase.number,
           early / (double)MIB, late / (double)MIB, late / early);
    return fine;
}

int main(int argc, char **argv)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    first_time = seconds();
    length = argc > 1 ? strtod(argv[1], NULL) : 60;
    seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)now.tv_nsec;
    uint64_t random = seed;
    contents_whole = true;
    stripes = mmap(NULL, sizeof(*stripes) * STRIPES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (stripes == MAP_FAILED || length <= 0) {
        return 2;
    }
    size_t start = self_resident();
    size_t bytes = make_residents(&random);
    printf("soak: %.0f s, seed %" PRIu64 ", %u residents of %.1f MiB\n", length,
           seed, RESIDENTS / STRIPES * STRIPES, (double)bytes / (double)MIB);
    return run(start, &random) ? 0 : 1;
}
