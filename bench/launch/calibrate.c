/* SPDX-License-Identifier: MIT */
/*
 * A fixed piece of work for the core and one for the memory: were they slower
 * at the end of a comparison than at its start, the machine drifted.
 */
#include "launch.h"

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    STEPS = 10 << 20,
    NODES = 4 << 20, /* 32 MiB of links: beyond most caches */
    HOPS = 1 << 19,
    TRIES = 3,
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Each step needs the one before: nothing overlaps. */
static uint64_t work_core(uint64_t x)
{
    for (unsigned i = 0; i < STEPS; i++)
        x = x * 6364136223846793005u + 1442695040888963407u;
    return x;
}

/* A full-period LCG: one cycle through all nodes, without locality. */
static void link_nodes(uint64_t *nodes)
{
    for (uint64_t i = 0; i < NODES; i++)
        nodes[i] = (i * 1664525u + 1013904223u) % NODES;
}

static uint64_t work_memory(const uint64_t *nodes, uint64_t at)
{
    for (unsigned i = 0; i < HOPS; i++)
        at = nodes[at];
    return at;
}

void calibrate(void)
{
    uint64_t core = UINT64_MAX;
    uint64_t memory = UINT64_MAX;
    uint64_t *nodes = mmap(NULL, NODES * sizeof *nodes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (nodes == MAP_FAILED) {
        perror("bench_launch: calibrate");
        _exit(1);
    }
    link_nodes(nodes);
    volatile uint64_t sink = 1;
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t begin = now_ns();
        sink = work_core(sink);
        uint64_t middle = now_ns();
        sink = work_memory(nodes, sink % NODES);
        uint64_t end = now_ns();
        core = middle - begin < core ? middle - begin : core;
        memory = end - middle < memory ? end - middle : memory;
    }
    printf("{\"core_ns\":%llu,\"memory_ns\":%llu}\n", (unsigned long long)core,
           (unsigned long long)memory);
}
