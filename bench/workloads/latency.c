/* SPDX-License-Identifier: MIT */
/*
 * bench_latency's malloc and free: each call is timed by the CPU's counter and
 * counted in a histogram of logarithmic buckets with 32 steps per octave, so
 * that a percentile is right to 3 %.
 *
 *   value   0 1 2 .. 63 | 64 66 68 .. 126 | 128 132 .. 252 | ...
 *   bucket  0 1 2 .. 63 | 64 65 66 ..  95 |  96  97 .. 127 | ...
 *
 * Threads are spread over SHARDS histograms by order of their first call;
 * counting is outside the timed part and its memory is the harness' own.
 */
#include "latency.h"

#include "bench.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

enum {
    STEP_BITS = 5,
    STEPS = 1 << STEP_BITS,
    BUCKETS = (64 - STEP_BITS) * STEPS,
    SHARDS = 32,
};

/* Atomic: relaxed, sums are read when the threads rest. */
struct histogram {
    _Alignas(64) atomic_ulong counts[BUCKETS];
    atomic_ulong max;
};

static struct histogram (*shards)[LATENCY_KINDS];
static atomic_bool recording;
static atomic_uint nthreads;
static __thread unsigned shard_plus_1;

/* Ticks per nanosecond, from two readings of both clocks. */
static uint64_t started_ticks;
static uint64_t started_ns;
static double ticks_per_ns;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *mem, size_t size);
int __real_posix_memalign(void **out, size_t align, size_t size);
void __real_free(void *mem);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *mem, size_t size);
int __wrap_posix_memalign(void **out, size_t align, size_t size);
void __wrap_free(void *mem);

/* Fenced: nothing before or after the call runs within its time. */
static inline uint64_t ticks(void)
{
#if defined(__x86_64__)
    _mm_lfence();
    uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
#else
    return clock_ns();
#endif
}

static unsigned bucket_of(uint64_t value)
{
    if (value < 2 * STEPS)
        return (unsigned)value;
    unsigned octave = 63 - (unsigned)__builtin_clzll(value) - STEP_BITS;
    return octave * STEPS + (unsigned)(value >> octave);
}

/* The middle of a bucket's values. */
static double bucket_value(unsigned bucket)
{
    if (bucket < 2 * STEPS)
        return bucket;
    unsigned octave = bucket / STEPS - 1;
    uint64_t low = (uint64_t)(bucket % STEPS + STEPS) << octave;
    return (double)low + (double)((uint64_t)1 << octave) / 2;
}

static void note(enum latency_kind kind, uint64_t spent)
{
    if (!atomic_load_explicit(&recording, memory_order_acquire))
        return;
    if (shard_plus_1 == 0)
        shard_plus_1 = 1 + atomic_fetch_add(&nthreads, 1) % SHARDS;
    struct histogram *histogram = &shards[shard_plus_1 - 1][kind];
    atomic_fetch_add_explicit(&histogram->counts[bucket_of(spent)], 1,
                              memory_order_relaxed);
    unsigned long max =
        atomic_load_explicit(&histogram->max, memory_order_relaxed);
    while (spent > max && !atomic_compare_exchange_weak_explicit(
                              &histogram->max, &max, spent,
                              memory_order_relaxed, memory_order_relaxed))
        continue;
}

void *__wrap_malloc(size_t size)
{
    uint64_t begin = ticks();
    void *mem = __real_malloc(size);
    note(LATENCY_MALLOC, ticks() - begin);
    return mem;
}

void *__wrap_calloc(size_t count, size_t size)
{
    uint64_t begin = ticks();
    void *mem = __real_calloc(count, size);
    note(LATENCY_MALLOC, ticks() - begin);
    return mem;
}

void *__wrap_realloc(void *mem, size_t size)
{
    uint64_t begin = ticks();
    void *moved = __real_realloc(mem, size);
    note(LATENCY_MALLOC, ticks() - begin);
    return moved;
}

int __wrap_posix_memalign(void **out, size_t align, size_t size)
{
    uint64_t begin = ticks();
    int error = __real_posix_memalign(out, align, size);
    note(LATENCY_MALLOC, ticks() - begin);
    return error;
}

void __wrap_free(void *mem)
{
    uint64_t begin = ticks();
    __real_free(mem);
    note(LATENCY_FREE, ticks() - begin);
}

void latency_record(bool on)
{
    if (!on) {
        atomic_store(&recording, false);
        ticks_per_ns = (double)(ticks() - started_ticks) /
                       (double)(clock_ns() - started_ns);
        return;
    }
    if (!shards)
        shards = harness_pages(SHARDS * sizeof *shards);
    started_ticks = ticks();
    started_ns = clock_ns();
    atomic_store_explicit(&recording, true, memory_order_release);
}

/* The value that `rank` of the calls (0: the first) did not exceed. */
static double value_at(const uint64_t *counts, uint64_t rank)
{
    uint64_t seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += counts[i];
        if (seen > rank)
            return bucket_value(i) / ticks_per_ns;
    }
    return 0;
}

/* Two readings of the clock with nothing between them: in every value. */
double latency_clock_ns(void)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t begin = ticks();
        uint64_t spent = ticks() - begin;
        least = spent < least ? spent : least;
    }
    return (double)least / ticks_per_ns;
}

struct latency latency_summary(enum latency_kind kind)
{
    static const char *const names[LATENCY_KINDS] = {"malloc", "free"};
    static uint64_t counts[BUCKETS];
    struct latency latency = {.name = names[kind]};
    uint64_t max = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        counts[i] = 0;
        for (unsigned s = 0; shards && s < SHARDS; s++)
            counts[i] += atomic_load(&shards[s][kind].counts[i]);
        latency.count += counts[i];
    }
    for (unsigned s = 0; shards && s < SHARDS; s++) {
        uint64_t each = atomic_load(&shards[s][kind].max);
        max = each > max ? each : max;
    }
    if (latency.count == 0)
        return latency;
    uint64_t last = latency.count - 1;
    latency.p50 = value_at(counts, last / 2);
    latency.p99 = value_at(counts, (uint64_t)((double)last * 0.99));
    latency.p999 = value_at(counts, (uint64_t)((double)last * 0.999));
    latency.max = (double)max / ticks_per_ns;
    return latency;
}
