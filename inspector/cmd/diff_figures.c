/* SPDX-License-Identifier: MIT */
#include "cmd/diff.h"

#include "cmd/profiled.h"
#include "memory.h"
#include "walk/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SITE_DEPTH = 3 }; /* functions of a stack that are told apart */

const char *const figure_by_names[NFIGURE_BYS] = {
    [BY_TOTAL] = "total", [BY_PAGES] = "pages", [BY_CLASS] = "class",
    [BY_ARENA] = "arena", [BY_STACK] = "stack", [BY_VMA] = "vma",
};

/* Adds to the figure of that name, which is found from the end. */
static void add(struct figures *figures, size_t side, enum figure_by by,
                const char *name, size_t bytes)
{
    struct figure *it = NULL;

    for (size_t i = figures->count; i-- > 0 && it == NULL;) {
        if (figures->all[i].by == by &&
            strncmp(figures->all[i].name, name, FIGURE_NAME - 1) == 0)
            it = &figures->all[i];
    }
    if (it == NULL) {
        figures->all =
            xgrow(figures->all, figures->count, sizeof *figures->all);
        it = &figures->all[figures->count++];
        *it = (struct figure){.by = by};
        it->bytes = xcalloc(figures->nsides, sizeof *it->bytes);
        (void)snprintf(it->name, sizeof it->name, "%s", name);
    }
    it->bytes[side] += bytes;
}

static void add_totals(struct figures *figures, size_t side,
                       const struct usage *usage)
{
    const struct heap_use *all = &usage->heaps[0];
    size_t taken = all->slab_live + all->slab_cached;

    add(figures, side, BY_TOTAL, "live", usage_live(usage));
    add(figures, side, BY_TOTAL, "thread caches",
        all->slab_cached + all->chunk_cached);
    add(figures, side, BY_TOTAL, "free in slabs",
        all->slab_bytes > taken ? all->slab_bytes - taken : 0);
    add(figures, side, BY_TOTAL, "free chunks", all->free_chunks + all->top);
    for (unsigned kind = 0; kind < NBLOCKKINDS; kind++) {
        add(figures, side, BY_PAGES, block_kind_names[kind],
            usage->bytes[kind]);
    }
}

static void add_heaps(struct figures *figures, size_t side,
                      const struct usage *usage)
{
    char name[FIGURE_NAME];

    for (unsigned cls = 0; cls < NSLAB; cls++) {
        size_t size = size_class_bytes(cls);
        (void)snprintf(name, sizeof name, "size-%zu", size);
        add(figures, side, BY_CLASS, name,
            class_live(&usage->heaps[0].classes[cls]) * size);
    }
    for (size_t id = 1; id < usage->nheaps; id++) {
        const struct heap_use *use = &usage->heaps[id];
        size_t idle = use->free_chunks + use->top + use->chunk_cached;
        size_t chunks = use->segment_bytes;
        (void)snprintf(name, sizeof name, "%zu slabs", id);
        add(figures, side, BY_ARENA, name, use->slab_live);
        (void)snprintf(name, sizeof name, "%zu chunks", id);
        add(figures, side, BY_ARENA, name, chunks > idle ? chunks - idle : 0);
    }
}

/* Mappings by name: their addresses differ from run to run. */
static void add_vmas(struct figures *figures, size_t side,
                     struct target *target)
{
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);

    for (size_t i = 0; i < count; i++) {
        const char *name = vmas[i].name[0] != '\0' ? vmas[i].name : "[anon]";
        if (vmas[i].has_use)
            add(figures, side, BY_VMA, name, vmas[i].rss);
    }
}

/* Live bytes by their innermost functions, if there is a profile. */
static void add_named_stacks(struct figures *figures, size_t side,
                             struct model *model)
{
    static struct named_stack named;
    static char text[STACK_TEXT];
    struct profiled profiled;

    if (!profiled_attach(model, 0, &profiled))
        return;
    figures->nprofiles++;
    for (size_t i = 0; i < profiled.profile->nstacks; i++) {
        uint64_t live = profiled.figures[i].value[METRIC_LIVE_BYTES];
        if (live == 0)
            continue;
        stack_name(profiled.profile, profiled.symbols, i, &named);
        if (named.count > SITE_DEPTH)
            named.count = SITE_DEPTH;
        add(figures, side, BY_STACK, stack_text(&named, SITE_DEPTH, text),
            (size_t)live);
    }
    profiled_end(&profiled);
}

static void add_consistency(struct consistency *both, const struct model *model)
{
    bool stopped = target_mode(model->target) == MODE_STOP ||
                   target_kind(model->target) != TARGET_PROCESS;

    both->stopped = stopped && (both->stopped || !both->known);
    both->known = true;
    both->retries += model->retries;
    both->torn += model->torn_heaps + model->torn_zones;
    both->unverified += model_unverified(model) >> PAGE_SHIFT;
}

/* Of one process, stacks are known by their hash. */
static void add_stacks(struct figures *figures, size_t side,
                       struct target *target)
{
    struct failure unwanted; /* most targets have no profile */
    struct profile *profile = profile_load(target, &unwanted);
    char name[FIGURE_NAME];

    for (size_t i = 1; profile != NULL && i < profile->nstacks; i++) {
        (void)snprintf(name, sizeof name, "%016zx",
                       (size_t)profile->stacks[i].hash);
        add(figures, side, BY_STACK, name,
            (size_t)profile->stacks[i].live_bytes);
    }
    profile_free(profile);
}

bool figures_collect(struct figures *figures, size_t side,
                     struct target *target, struct failure *failure)
{
    struct model *model = model_load(target, failure);

    if (model == NULL)
        return false;
    struct usage *usage = usage_count(model);
    add_consistency(&figures->consistency, model);
    add_totals(figures, side, usage);
    add_heaps(figures, side, usage);
    add_vmas(figures, side, target);
    if (figures->by_hash) {
        add_stacks(figures, side, target);
    } else {
        add_named_stacks(figures, side, model);
    }
    usage_free(usage);
    model_free(model);
    return true;
}

void figures_free(struct figures *figures)
{
    for (size_t i = 0; i < figures->count; i++)
        free(figures->all[i].bytes);
    free(figures->all);
    *figures = (struct figures){0};
}
