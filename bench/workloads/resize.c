/* SPDX-License-Identifier: MIT */
/*
 * Blocks that grow and blocks that must be zero.
 *
 * realloc-*: one buffer grows to 64 MiB while one of 100 B is made after each
 * step, as a program's other allocations do.  One op is one realloc.
 * calloc-*: 8 live blocks of 64 KiB-8 MiB.  One op is one calloc and one free.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#define GROW_TO (64 * MIB)

enum {
    NEIGHBOURS = 16,
    CALLOC_LIVE = 8,
    CALLOC_SAMPLES = 16,
};

/* One byte per new page and the last one, each a function of its place. */
static void mark_pages(unsigned char *mem, size_t from, size_t to)
{
    size_t at = (from + PAGE - 1) & ~(size_t)(PAGE - 1);
    for (; at < to; at += PAGE)
        mem[at] = (unsigned char)(at / PAGE);
    mem[to - 1] = 0xa5;
}

static void check_ends(const unsigned char *mem, size_t size)
{
    size_t last_page = (size - 2) / PAGE * PAGE;
    if (mem[0] != 0 || mem[last_page] != (unsigned char)(last_page / PAGE) ||
        mem[size - 1] != 0xa5)
        fail("realloc lost contents");
}

struct growth {
    void *neighbours[NEIGHBOURS];
    uint64_t steps;
};

static void grow_once(struct growth *growth, size_t first,
                      size_t (*next)(size_t size))
{
    size_t size = first;
    unsigned char *mem = check_block(malloc(size));
    mark_pages(mem, 0, size);
    while (size < GROW_TO) {
        size_t larger = next(size);
        mem = check_block(realloc(mem, larger));
        check_ends(mem, size);
        mark_pages(mem, size, larger);
        size = larger;
        void **neighbour = &growth->neighbours[growth->steps++ % NEIGHBOURS];
        free(*neighbour);
        *neighbour = check_block(malloc(100));
        memcpy(*neighbour, &size, sizeof size);
    }
    free(mem);
}

static void grow(struct run *run, size_t first, size_t (*next)(size_t size))
{
    struct growth growth = {.steps = 0};
    unsigned rounds = 0;
    run->options.threads = 1;
    run_start(run);
    do {
        uint64_t begin = clock_ns();
        uint64_t before = growth.steps;
        grow_once(&growth, first, next);
        double each =
            (double)(clock_ns() - begin) / (double)(growth.steps - before);
        if (run->best_ns == 0 || each < run->best_ns)
            run->best_ns = each;
        rounds++;
    } while (!run_done(run, growth.steps));
    run_stop(run, growth.steps);
    run_extra(run, "growths", rounds);
    run_extra(run, "ms_per_growth", (double)run->wall_ns / 1e6 / rounds);
    for (unsigned i = 0; i < NEIGHBOURS; i++)
        free(growth.neighbours[i]);
}

static size_t by_half(size_t size)
{
    size_t larger = size + size / 2;
    return larger < GROW_TO ? larger : GROW_TO;
}

static size_t by_page(size_t size)
{
    return size + PAGE;
}

static void realloc_grow(struct run *run)
{
    grow(run, 1 * KIB, by_half);
}

static void realloc_step(struct run *run)
{
    grow(run, PAGE, by_page);
}

struct zeroed {
    unsigned stride; /* one page in so many is written */
    unsigned char *live[CALLOC_LIVE];
};

static void check_zero(const unsigned char *mem, size_t size, struct rng *rng)
{
    unsigned char seen = mem[0] | mem[size - 1];
    for (unsigned i = 0; i < CALLOC_SAMPLES; i++)
        seen |= mem[rng_range(rng, 0, size - 1)];
    if (seen)
        fail("calloc gave a block that is not zero");
}

static void calloc_setup(struct worker *worker)
{
    const unsigned *stride = worker->state;
    struct zeroed *zeroed = harness_pages(sizeof *zeroed);
    zeroed->stride = *stride;
    worker->state = zeroed;
}

static void calloc_slice(struct worker *worker, uint64_t nops)
{
    struct zeroed *zeroed = worker->state;
    for (uint64_t i = 0; i < nops; i++) {
        /* A multiple of 16, so that count * size is the size. */
        size_t size = rng_range(&worker->rng, 4 * KIB, MIB / 2) * 16;
        size_t slot = rng_range(&worker->rng, 0, CALLOC_LIVE - 1);
        free(zeroed->live[slot]);
        unsigned char *mem = check_block(calloc(size / 16, 16));
        check_zero(mem, size, &worker->rng);
        /* An odd offset, or a page's first byte would be the only one used. */
        for (size_t at = 0; at + 777 < size;
             at += (size_t)zeroed->stride * PAGE)
            mem[at + 777] = 0xff;
        zeroed->live[slot] = mem;
    }
}

static void calloc_finish(struct worker *worker)
{
    const struct zeroed *zeroed = worker->state;
    for (unsigned i = 0; i < CALLOC_LIVE; i++)
        free(zeroed->live[i]);
}

static void calloc_run(struct run *run, const unsigned *stride)
{
    struct loop loop = {.setup = calloc_setup,
                        .slice = calloc_slice,
                        .finish = calloc_finish,
                        .slice_ops = 20,
                        .params = stride};
    run_loop(run, &loop);
}

static void calloc_large(struct run *run)
{
    static const unsigned stride = 1;
    calloc_run(run, &stride);
}

static void calloc_sparse(struct run *run)
{
    static const unsigned stride = 16;
    calloc_run(run, &stride);
}

const struct workload resize_workloads[] = {
    {"realloc-grow", "one buffer grown to 64 MiB by half its size each step",
     realloc_grow, 1},
    {"realloc-step", "one buffer grown to 64 MiB by 4 KiB each step",
     realloc_step, 1},
    {"calloc-large", "8 live blocks of 64 KiB-8 MiB, every page written",
     calloc_large, 1},
    {"calloc-sparse", "8 live blocks of 64 KiB-8 MiB, a page in 16 written",
     calloc_sparse, 1},
    {NULL, NULL, NULL, 0},
};
