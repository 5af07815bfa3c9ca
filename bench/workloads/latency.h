/* SPDX-License-Identifier: MIT */
#ifndef LATENCY_H
#define LATENCY_H
/*
 * The time of single calls, under the load of any workload.  Only the program
 * bench_latency has it: the linker sends its calls of malloc and free through
 * timed ones (--wrap), so that bench_work pays nothing for the possibility.
 */
#include <stdbool.h>
#include <stdint.h>

enum latency_kind {
    LATENCY_MALLOC, /* and calloc, realloc, posix_memalign */
    LATENCY_FREE,
    LATENCY_KINDS,
};

/* Nanoseconds; each contains latency_clock_ns(). */
struct latency {
    const char *name;
    uint64_t count;
    double p50;
    double p99;
    double p999;
    double max;
};

/* Calls are counted between (true) and (false), in one or more parts. */
void latency_record(bool on);
double latency_clock_ns(void);
struct latency latency_summary(enum latency_kind kind);

#endif
