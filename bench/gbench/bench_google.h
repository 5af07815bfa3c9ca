/* SPDX-License-Identifier: MIT */
#ifndef BENCH_GOOGLE_H
#define BENCH_GOOGLE_H
/* The families, and what their bodies share. */
#include "shim.h"

#include <stdlib.h>

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

extern const struct shim_benchmark pair_benchmarks[];
extern const struct shim_benchmark pattern_benchmarks[];
extern const struct shim_benchmark resize_benchmarks[];
extern const struct shim_benchmark liballoc_benchmarks[];
extern const struct shim_benchmark thread_benchmarks[];

/* Looks for liballoc's own functions; once, before any benchmark. */
void liballoc_find(void);

/* From mmap: the harness' arrays are not the allocator's.  Never fails. */
void *array_make(size_t bytes);
void array_drop(void *array, size_t bytes);

/* Both ends are written: neither the block nor its pages can go away. */
static inline void touch(void *mem, size_t size)
{
    volatile char *bytes = mem;
    if (!mem)
        abort();
    bytes[0] = 1;
    bytes[size - 1] = 1;
    shim_keep(mem);
}

#endif
