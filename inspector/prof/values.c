/* SPDX-License-Identifier: MIT */
#include "prof/values.h"

#include "memory.h"

#include <math.h>
#include <stdlib.h>

const char *const metric_names[NMETRICS] = {
    [METRIC_ALLOC_OBJECTS] = "alloc_objects",
    [METRIC_ALLOC_BYTES] = "alloc_space",
    [METRIC_LIVE_OBJECTS] = "inuse_objects",
    [METRIC_LIVE_BYTES] = "inuse_space",
    [METRIC_PEAK_BYTES] = "peak_space",
    [METRIC_RESIDENT] = "resident_space",
    [METRIC_WASTE] = "waste_space",
    [METRIC_PINNED] = "pinned_space",
};

const char *const metric_meanings[NMETRICS] = {
    [METRIC_ALLOC_OBJECTS] = "blocks allocated since the profile was on",
    [METRIC_ALLOC_BYTES] = "bytes allocated since the profile was on",
    [METRIC_LIVE_OBJECTS] = "blocks not freed yet",
    [METRIC_LIVE_BYTES] = "bytes not freed yet",
    [METRIC_PEAK_BYTES] = "bytes when all stacks together held most",
    [METRIC_RESIDENT] = "memory that the kernel holds for live blocks",
    [METRIC_WASTE] = "bytes of live blocks that were not asked for",
    [METRIC_PINNED] = "free memory that live blocks keep from going back",
};

const uint64_t age_bounds_ms[NAGES - 1] = {1000, 60000, 3600000, 86400000};
const char *const age_names[NAGES] = {"under_1s", "under_1m", "under_1h",
                                      "under_1d", "older"};

static uint64_t rounded(double value)
{
    return value > 0 && value < 1.8e19 ? (uint64_t)(value + 0.5) : 0;
}

static uint64_t whole(uint64_t parts)
{
    return parts / PROF_ONE + (parts % PROF_ONE >= PROF_ONE / 2);
}

static void take_sums(const struct profile *profile, size_t stack,
                      struct prof_figures *figures)
{
    const struct prof_stack *it = &profile->stacks[stack];
    bool at_peak = it->peak_epoch == profile->head.peak_epoch;

    figures->value[METRIC_ALLOC_OBJECTS] = whole(it->alloc_objects);
    figures->value[METRIC_ALLOC_BYTES] = it->alloc_bytes;
    figures->value[METRIC_LIVE_OBJECTS] = whole(it->live_objects);
    figures->value[METRIC_LIVE_BYTES] = it->live_bytes;
    figures->value[METRIC_PEAK_BYTES] =
        at_peak ? it->peak_bytes : it->live_bytes;
    figures->samples = it->samples;
    figures->freed_age_ms = it->freed_age_ms;
}

static unsigned age_of(uint64_t ms)
{
    unsigned age = 0;

    while (age < NAGES - 1 && ms >= age_bounds_ms[age])
        age++;
    return age;
}

static void take_sample(const struct profile *profile,
                        const struct live_sample *live,
                        struct prof_figures *figures)
{
    const struct prof_sample *sample = &live->sample;
    double weight = sample_weight(sample);
    uint64_t now = profile->now_ms;
    uint64_t age = now > sample->birth_ms ? now - sample->birth_ms : 0;

    figures->value[METRIC_RESIDENT] += rounded(weight * (double)live->resident);
    figures->value[METRIC_PINNED] += rounded(weight * (double)live->pinned);
    figures->value[METRIC_WASTE] +=
        rounded(weight * (double)(sample->usable - sample->size));
    figures->live_samples++;
    figures->age_bytes[age_of(age)] += rounded(weight * (double)sample->size);
    figures->age_ms += age;
    if (age > figures->oldest_ms)
        figures->oldest_ms = age;
}

struct prof_figures *figures_take(const struct profile *profile)
{
    struct prof_figures *figures = xcalloc(profile->nstacks, sizeof *figures);

    for (size_t i = 0; i < profile->nstacks; i++)
        take_sums(profile, i, &figures[i]);
    for (size_t i = 0; i < profile->nlive; i++) {
        const struct live_sample *live = &profile->live[i];
        take_sample(profile, live, &figures[live->sample.stack]);
    }
    return figures;
}

void figures_add(struct prof_figures *sum, const struct prof_figures *more)
{
    for (unsigned i = 0; i < NMETRICS; i++)
        sum->value[i] += more->value[i];
    for (unsigned i = 0; i < NAGES; i++)
        sum->age_bytes[i] += more->age_bytes[i];
    sum->samples += more->samples;
    sum->live_samples += more->live_samples;
    sum->age_ms += more->age_ms;
    sum->freed_age_ms += more->freed_age_ms;
    if (more->oldest_ms > sum->oldest_ms)
        sum->oldest_ms = more->oldest_ms;
}

/* A block's part in a metric. */
static double part_of(const struct live_sample *live, enum metric metric)
{
    switch (metric) {
    case METRIC_LIVE_OBJECTS:
        return 1;
    case METRIC_RESIDENT:
        return (double)live->resident;
    case METRIC_WASTE:
        return (double)(live->sample.usable - live->sample.size);
    case METRIC_PINNED:
        return (double)live->pinned;
    case METRIC_LIVE_BYTES:
    case METRIC_ALLOC_OBJECTS:
    case METRIC_ALLOC_BYTES:
    case METRIC_PEAK_BYTES:
    case NMETRICS:
        break;
    }
    return (double)live->sample.size;
}

/*
 * Live: the variance of the estimate is estimated by the sum of w (w - 1) x^2.
 * Gone: at most period * bytes, as a block of x bytes adds (w - 1) x^2 and
 * w - 1 = 1 / (exp(x / period) - 1) <= period / x.
 */
double figures_error(const struct profile *profile,
                     const struct prof_figures *total, enum metric metric)
{
    double variance = 0;

    if (metric == METRIC_ALLOC_OBJECTS)
        return 0;
    if (metric == METRIC_ALLOC_BYTES || metric == METRIC_PEAK_BYTES) {
        return sqrt((double)profile->head.period *
                    (double)total->value[metric]);
    }
    for (size_t i = 0; i < profile->nlive; i++) {
        double weight = sample_weight(&profile->live[i].sample);
        double part = part_of(&profile->live[i], metric);
        variance += weight * (weight - 1) * part * part;
    }
    return sqrt(variance);
}
