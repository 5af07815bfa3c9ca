/* SPDX-License-Identifier: MIT */
/*
 * One way, after xmalloc-test (Lever and Boreham: "malloc() Performance in a
 * Multithreaded Linux Environment", USENIX 2000): a producer allocates and
 * fills, a consumer reads and frees.  Blocks travel in batches of 256 over a
 * bounded ring of 16 batches, so at most 4096 are under way (with fewer the two
 * run in lockstep and only the cache lines that travel are measured).  One op
 * is one block made and freed.  With --threads N there are N pairs.
 */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    BATCH = 256,
    NBATCHES = 16,
    SPINS = 20000, /* a yield on a busy machine costs milliseconds */
};

struct batch {
    unsigned count; /* 0 ends the flow */
    void *blocks[BATCH];
};

/* Each end writes its own lines: the padding is wanted. */
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct pair {
    struct run *run;
    unsigned index;
    size_t size;
    uint64_t ops; /* by the producer */
    uint64_t checksum;
    _Alignas(64) atomic_uint head; /* batches written, by the producer */
    _Alignas(64) atomic_uint tail; /* batches read, by the consumer */
    _Alignas(64) struct batch ring[NBATCHES];
};

static void wait_a_little(unsigned *spins)
{
    if (++*spins < SPINS) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
        return;
    }
    sched_yield();
    *spins = 0;
}

static void send(struct pair *pair, unsigned count)
{
    unsigned head = atomic_load_explicit(&pair->head, memory_order_relaxed);
    unsigned spins = 0;
    struct batch *batch = &pair->ring[head % NBATCHES];
    while (head - atomic_load_explicit(&pair->tail, memory_order_acquire) ==
           NBATCHES)
        wait_a_little(&spins);
    for (unsigned i = 0; i < count; i++) {
        void *mem = check_block(malloc(pair->size));
        memset(mem, (int)(i & 0xff), pair->size);
        batch->blocks[i] = mem;
    }
    batch->count = count;
    atomic_store_explicit(&pair->head, head + 1, memory_order_release);
}

static unsigned receive(struct pair *pair)
{
    unsigned tail = atomic_load_explicit(&pair->tail, memory_order_relaxed);
    unsigned spins = 0;
    struct batch *batch = &pair->ring[tail % NBATCHES];
    while (atomic_load_explicit(&pair->head, memory_order_acquire) == tail)
        wait_a_little(&spins);
    unsigned count = batch->count;
    for (unsigned i = 0; i < count; i++) {
        const unsigned char *mem = batch->blocks[i];
        pair->checksum += mem[0] + mem[pair->size - 1];
        free(batch->blocks[i]);
    }
    atomic_store_explicit(&pair->tail, tail + 1, memory_order_release);
    return count;
}

static void *consume(void *arg)
{
    struct pair *pair = arg;
    run_pin(2 * pair->index);
    unsigned spins = 0;
    /* Only a full ring: else the peak would depend on who is the faster. */
    while (atomic_load_explicit(&pair->head, memory_order_acquire) < NBATCHES)
        wait_a_little(&spins);
    while (receive(pair) != 0)
        continue;
    return NULL;
}

static void *produce(void *arg)
{
    struct pair *pair = arg;
    run_pin(2 * pair->index + 1);
    do {
        send(pair, BATCH);
        pair->ops += BATCH;
    } while (pair->ops < (uint64_t)BATCH * NBATCHES ||
             !run_done(pair->run, pair->ops));
    send(pair, 0);
    return NULL;
}

static void check_sum(const struct pair *pair)
{
    uint64_t per_batch = 2 * (uint64_t)BATCH * (BATCH - 1) / 2;
    if (pair->checksum != pair->ops / BATCH * per_batch)
        fail("a block's contents changed on the way");
}

static void oneway(struct run *run, size_t size)
{
    unsigned npairs = run_threads(run);
    struct pair *pairs = harness_pages(npairs * sizeof *pairs);
    static pthread_t threads[2 * MAX_THREADS];
    uint64_t nops = 0;
    run->options.threads = npairs;
    run_start(run);
    for (unsigned i = 0; i < npairs; i++) {
        pairs[i].run = run;
        pairs[i].index = i;
        pairs[i].size = size;
        if (pthread_create(&threads[2ul * i], NULL, consume, &pairs[i]) ||
            pthread_create(&threads[2ul * i + 1], NULL, produce, &pairs[i]))
            fail("cannot start a thread");
    }
    for (unsigned i = 0; i < 2 * npairs; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < npairs; i++) {
        nops += pairs[i].ops;
        check_sum(&pairs[i]);
    }
    run_stop(run, nops);
}

static void oneway_64(struct run *run)
{
    oneway(run, 64);
}

static void oneway_2k(struct run *run)
{
    oneway(run, 2 * KIB);
}

const struct workload oneway_workloads[] = {
    {"oneway-64", "one producer, one consumer, 64 B blocks in batches of 256",
     oneway_64, 1},
    {"oneway-2k", "one producer, one consumer, 2 KiB blocks in batches of 256",
     oneway_2k, 1},
    {NULL, NULL, NULL, 0},
};
