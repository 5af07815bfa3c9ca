/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_SAMPLER_H
#define LIBALLOC_PROF_SAMPLER_H
/*
 * Which blocks are sampled: a Poisson process over the bytes that a thread
 * asks for.  The distance to the next sample is exponential, so it has no
 * memory: a block of n bytes is hit with probability 1 - exp(-n / period),
 * whatever came before, and weighs the inverse of that.
 * Layer: prof.  Locks: none; what is per thread is the calling thread's.
 * Source: documents of tcmalloc and of Go's runtime on unbiased heap profiles.
 */
#include "base/atomic.h"
#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sampler {
    int64_t left;        /* bytes to the next sample */
    uint32_t generation; /* of the period that `left` was drawn for */
    uint32_t unused;
    uint64_t random; /* 0 = not seeded */
};
extern HIDDEN TLS_IE struct sampler thread_sampler;

/* Bytes between samples on average, and how often it was set.  Stale ok:
   threads that see it late sample by the old one for a moment. */
extern HIDDEN _Atomic uint64_t sampler_period;
extern HIDDEN _Atomic uint32_t sampler_generation;

/* Counts; true: the distance ran out, or was drawn for another period. */
ALWAYS_INLINE bool sampler_passes(size_t size)
{
    struct sampler *sampler = &thread_sampler;

    sampler->left -= (int64_t)(size + (size == 0));
    /* stale ok: see sampler_period */
    return sampler->left <= 0 ||
           sampler->generation != load_relaxed(&sampler_generation);
}

/* From now on, for every thread; bytes, at least 1. */
void sampler_set_period(uint64_t period);

/* After sampler_passes(): true = the block is sampled. */
bool sampler_is_hit(size_t size);

/* In units of 1 / PROF_ONE, for a block of `size` bytes. */
uint64_t sampler_weight(size_t size, uint64_t period);

/* -ln(random / 2^64), for tests; random > 0. */
double sampler_exponential(uint64_t random);

/* exp(-x), x >= 0: the allocator links no libm. */
double sampler_exp_minus(double x);

#endif
