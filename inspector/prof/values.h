/* SPDX-License-Identifier: MIT */
#ifndef PROF_VALUES_H
#define PROF_VALUES_H
/*
 * Figures a stack: estimates of all blocks, by the samples' weights.  Any
 * figure of a block, times its weight and summed up, is an unbiased estimate
 * of the sum over all blocks (Horvitz and Thompson, 1952).
 */
#include "prof/profile.h"

enum metric {
    METRIC_ALLOC_OBJECTS,
    METRIC_ALLOC_BYTES,
    METRIC_LIVE_OBJECTS,
    METRIC_LIVE_BYTES,
    METRIC_PEAK_BYTES,
    METRIC_RESIDENT,
    METRIC_WASTE, /* usable, but not asked for */
    METRIC_PINNED,
    NMETRICS,
};
extern const char *const metric_names[NMETRICS];
extern const char *const metric_meanings[NMETRICS];

static inline bool metric_is_bytes(enum metric metric)
{
    return metric != METRIC_ALLOC_OBJECTS && metric != METRIC_LIVE_OBJECTS;
}

/* Survivors by their age; the last has no bound. */
enum { NAGES = 5 };
extern const uint64_t age_bounds_ms[NAGES - 1];
extern const char *const age_names[NAGES];

struct prof_figures {
    uint64_t value[NMETRICS];
    uint64_t samples;      /* ever taken */
    uint64_t live_samples; /* of these, live */
    uint64_t age_bytes[NAGES];
    uint64_t age_ms; /* sum over the live samples */
    uint64_t oldest_ms;
    uint64_t freed_age_ms; /* sum over the freed samples */
};

/* By stack of the profile; free it. */
struct prof_figures *figures_take(const struct profile *profile);
void figures_add(struct prof_figures *sum, const struct prof_figures *more);

/*
 * Standard error of the sum of a metric over the stacks, in its unit: exact
 * for what is live, an upper bound for what is gone.
 */
double figures_error(const struct profile *profile,
                     const struct prof_figures *total, enum metric metric);

#endif
