/* SPDX-License-Identifier: MIT */
/*
 * False sharing, after cache-scratch and cache-thrash of Hoard (Berger,
 * McKinley, Blumofe, Wilson: "Hoard: A Scalable Memory Allocator for
 * Multithreaded Applications", ASPLOS 2000).  Each thread makes an object of
 * 8 B, writes it 200 times and frees it; slow is what gives two threads parts
 * of one cache line.
 *
 * thrash (active): the allocator itself may hand them out so.
 * scratch (passive): the main thread made one object per thread, side by side;
 * each thread frees its own first: an allocator that then reuses it for that
 * thread keeps the sharing.
 *
 * One op is one object made, written, freed.
 */
#include "bench.h"

#include <stdlib.h>

enum {
    SIZE = 8,
    WRITES = 200,
};

/* One object for each thread; all NULL: active. */
struct given {
    void *objects[MAX_THREADS];
};

static void false_sharing_setup(struct worker *worker)
{
    struct given *given = worker->state;
    free(given->objects[worker->index]);
}

static void false_sharing_slice(struct worker *worker, uint64_t nops)
{
    (void)worker;
    for (uint64_t i = 0; i < nops; i++) {
        volatile unsigned char *object = check_block(malloc(SIZE));
        for (unsigned k = 0; k < SIZE; k++)
            object[k] = 0;
        for (unsigned k = 0; k < WRITES; k++)
            object[k % SIZE] = (unsigned char)(object[k % SIZE] + 1);
        union {
            volatile unsigned char *written;
            void *mem;
        } over = {.written = object};
        free(over.mem);
    }
}

static void false_sharing(struct run *run, struct given *given)
{
    struct loop loop = {.setup = false_sharing_setup,
                        .slice = false_sharing_slice,
                        .slice_ops = 1000,
                        .warm_ops = 2000,
                        .params = given};
    run_loop(run, &loop);
}

static void cache_thrash(struct run *run)
{
    static struct given none;
    false_sharing(run, &none);
}

static void cache_scratch(struct run *run)
{
    static struct given given;
    for (unsigned i = 0; i < run_threads(run); i++)
        given.objects[i] = check_block(malloc(SIZE));
    false_sharing(run, &given);
}

const struct workload false_sharing_workloads[] = {
    {"cache-scratch", "passive false sharing: neighbours handed to threads",
     cache_scratch, 2},
    {"cache-thrash", "active false sharing: threads write own 8 B objects",
     cache_thrash, 2},
    {NULL, NULL, NULL, 0},
};
