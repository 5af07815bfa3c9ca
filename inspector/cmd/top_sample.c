/* SPDX-License-Identifier: MIT */
#include "cmd/top.h"
#include "kernel/smaps.h"
#include "kernel/stat.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void take_usage(struct sample *sample)
{
    const struct heap_use *all = &sample->usage->heaps[0];
    size_t *figures = sample->figures;

    figures[FIGURE_LIVE] = usage_live(sample->usage);
    figures[FIGURE_CACHED] =
        all->slab_cached + all->chunk_cached + all->sending_bytes;
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        figures[FIGURE_OBJECTS] += class_live(&all->classes[cls]);
        figures[FIGURE_SLABS] += all->classes[cls].slabs;
    }
}

/* By the kernel's counts, where it tells. */
static void take_kernel(struct target *target, struct sample *sample)
{
    struct mm_layout layout = {0};
    const char *status = target_proc(target, "status");
    uint64_t rss = 0;

    if (status != NULL && status_bytes(status, "VmRSS", &rss))
        sample->figures[FIGURE_RSS] = (size_t)rss;
    if (stat_parse(target_proc(target, "stat"), &layout)) {
        sample->figures[FIGURE_FAULTS] =
            (size_t)(layout.minor_faults + layout.major_faults);
    }
}

bool sample_take(struct target *target, struct sample *sample,
                 struct failure *failure)
{
    struct failure none;

    *sample = (struct sample){.time_ms = now_ms()};
    if (!target_refresh(target, failure))
        return false;
    if (target_root(target) == NULL) {
        *failure = *target_why_rootless(target);
        return false;
    }
    sample->model = model_load(target, failure);
    if (sample->model == NULL)
        return false;
    sample->usage = usage_count(sample->model);
    sample->picture = picture_take_coarse(sample->model);
    sample->figures[FIGURE_HEAP] = sample->picture->sum.resident;
    sample->figures[FIGURE_UNUSED] = sample->picture->sum.held;
    sample->profile = profile_load(target, &none);
    if (sample->profile != NULL)
        sample->stacks = figures_take(sample->profile);
    take_usage(sample);
    take_kernel(target, sample);
    return true;
}

void sample_free(struct sample *sample)
{
    free(sample->stacks);
    profile_free(sample->profile);
    picture_free(sample->picture);
    usage_free(sample->usage);
    model_free(sample->model);
    *sample = (struct sample){0};
}
