/* SPDX-License-Identifier: MIT */
#include "cmd/profiled.h"

#include "walk/usage.h"

#include <stdlib.h>

static bool load(struct profiled *profiled, unsigned needs,
                 struct failure *failure)
{
    struct model *model = profiled->model;

    profiled->profile = profile_load(model->target, failure);
    if (profiled->profile == NULL)
        return false;
    if ((needs & (PROFILED_BLOCKS | PROFILED_PINS)) != 0) {
        profile_join(profiled->profile, model, (needs & PROFILED_PINS) != 0);
    }
    struct usage *usage = usage_count(model);
    profiled->heap_live = usage_live(usage);
    usage_free(usage);
    profiled->figures = figures_take(profiled->profile);
    for (size_t i = 0; i < profiled->profile->nstacks; i++)
        figures_add(&profiled->total, &profiled->figures[i]);
    return true;
}

bool profiled_begin(struct target *target, unsigned needs, bool debuginfod,
                    struct profiled *profiled, struct failure *failure)
{
    *profiled = (struct profiled){.owns_model = true};
    profiled->model = model_load_held(target, failure);
    if (profiled->model == NULL)
        return false;
    if (!load(profiled, needs, failure)) {
        profiled_end(profiled);
        return false;
    }
    model_release(profiled->model);
    profiled->symbols = symbols_begin(target, debuginfod);
    return true;
}

bool profiled_attach(struct model *model, unsigned needs,
                     struct profiled *profiled)
{
    struct failure none;

    *profiled = (struct profiled){.model = model};
    if (!load(profiled, needs, &none))
        return false;
    profiled->symbols = symbols_begin(model->target, false);
    return true;
}

void profiled_end(struct profiled *profiled)
{
    symbols_end(profiled->symbols);
    free(profiled->figures);
    profile_free(profiled->profile);
    if (profiled->owns_model)
        model_free(profiled->model);
    *profiled = (struct profiled){0};
}

uint64_t profiled_unattributed(const struct profiled *profiled)
{
    const uint64_t *value = profiled->total.value;
    uint64_t sampled = value[METRIC_LIVE_BYTES] + value[METRIC_WASTE];

    return profiled->heap_live > sampled ? profiled->heap_live - sampled : 0;
}

const struct prof_sample *profiled_sample(const struct profiled *profiled,
                                          const struct object *object)
{
    if (profiled->profile == NULL || object->state != OBJECT_LIVE)
        return NULL;
    const struct live_sample *found =
        profile_find(profiled->profile, object->mem);
    return found != NULL ? &found->sample : NULL;
}

uint64_t profiled_age_ms(const struct profiled *profiled,
                         const struct prof_sample *sample)
{
    uint64_t now = profiled->profile->now_ms;

    return now > sample->birth_ms ? now - sample->birth_ms : 0;
}

const char *profiled_stack(const struct profiled *profiled, size_t stack,
                           char text[STACK_TEXT])
{
    static struct named_stack named;

    stack_name(profiled->profile, profiled->symbols, stack, &named);
    return stack_text(&named, STACK_SYMBOLS, text);
}
