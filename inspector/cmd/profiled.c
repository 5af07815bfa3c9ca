/* SPDX-License-Identifier: MIT */
#include "cmd/profiled.h"

#include "walk/usage.h"

#include <stdlib.h>

bool profiled_begin(struct target *target, unsigned needs, bool debuginfod,
                    struct profiled *profiled, struct failure *failure)
{
    *profiled = (struct profiled){0};
    profiled->model = model_load_held(target, failure);
    if (profiled->model == NULL)
        return false;
    profiled->profile = profile_load(target, failure);
    if (profiled->profile == NULL) {
        profiled_end(profiled);
        return false;
    }
    if ((needs & (PROFILED_BLOCKS | PROFILED_PINS)) != 0) {
        profile_join(profiled->profile, profiled->model,
                     (needs & PROFILED_PINS) != 0);
    }
    struct usage *usage = usage_count(profiled->model);
    profiled->heap_live = usage_live(usage);
    usage_free(usage);
    model_release(profiled->model);
    profiled->figures = figures_take(profiled->profile);
    for (size_t i = 0; i < profiled->profile->nstacks; i++)
        figures_add(&profiled->total, &profiled->figures[i]);
    profiled->symbols = symbols_begin(target, debuginfod);
    return true;
}

void profiled_end(struct profiled *profiled)
{
    symbols_end(profiled->symbols);
    free(profiled->figures);
    profile_free(profiled->profile);
    model_free(profiled->model);
    *profiled = (struct profiled){0};
}

uint64_t profiled_unattributed(const struct profiled *profiled)
{
    uint64_t sampled = profiled->total.value[METRIC_LIVE_BYTES];

    return profiled->heap_live > sampled ? profiled->heap_live - sampled : 0;
}
