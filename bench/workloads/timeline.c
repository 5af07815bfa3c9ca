/* SPDX-License-Identifier: MIT */
/*
 * Resident memory over time, for the workloads that have phases.  Sampled by
 * the working thread itself: a second thread would make a single-threaded
 * program multi-threaded, and allocators know the difference.
 */
#include "bench.h"

static unsigned elapsed_ms(const struct run *run)
{
    return (unsigned)((clock_ns() - run->started_ns) / 1000000);
}

/* Every second sample goes; the next ones come half as often. */
static void timeline_halve(struct timeline *timeline)
{
    for (unsigned i = 0; i < TIMELINE_SAMPLES / 2; i++)
        timeline->samples[i] = timeline->samples[2 * i];
    timeline->count = TIMELINE_SAMPLES / 2;
    timeline->every_ms *= 2;
}

void run_sample(struct run *run)
{
    struct timeline *timeline = &run->timeline;
    unsigned ms = elapsed_ms(run);
    if (timeline->count == 0) {
        timeline->every_ms = TIMELINE_MS;
    } else if (ms - timeline->samples[timeline->count - 1].ms <
               timeline->every_ms) {
        return;
    }
    if (timeline->count == TIMELINE_SAMPLES)
        timeline_halve(timeline);
    timeline->samples[timeline->count++] =
        (struct sample){ms, (unsigned)rss_kib_quick()};
}

void run_rest(struct run *run, double seconds)
{
    uint64_t end = clock_ns() + (uint64_t)(seconds * 1e9);
    while (clock_ns() < end) {
        run_sample(run);
        sleep_ms(TIMELINE_MS);
    }
    run_sample(run);
    run->rss_idle_kib = rss_kib();
}
