/* SPDX-License-Identifier: MIT */
/*
 * diff: what is different between two targets: processes, cores, snapshots of
 * one process at two times; by share, kind of page, size class, arena, stack,
 * VMA.
 */
#include "cmd/prof.h"
#include "memory.h"
#include "walk/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"BY", "by", COLUMN_TEXT, false, "total, pages, class, arena, stack, vma"},
    {"NAME", "name", COLUMN_TEXT, false, "which of these"},
    {"BEFORE", "before", COLUMN_BYTES, false, "in the first target"},
    {"AFTER", "after", COLUMN_BYTES, false, "in the second"},
    {"GREW", "grew", COLUMN_BYTES, false, "by so much"},
    {"SHRANK", "shrank", COLUMN_BYTES, false, "by so much"},
};
enum {
    NCOLUMNS = sizeof columns / sizeof *columns,
    NAME = 112,
    SITE_DEPTH = 3, /* functions of a stack that are told apart */
};

struct figure {
    const char *by;
    char name[NAME];
    size_t bytes[2]; /* before, after */
};

struct figures {
    struct figure *all;
    size_t count;
    struct consistency consistency; /* of both */
};

/* Adds to the figure of that name, which is found from the end. */
static void add(struct figures *figures, unsigned side, const char *by,
                const char *name, size_t bytes)
{
    struct figure *it = NULL;

    for (size_t i = figures->count; i-- > 0 && it == NULL;) {
        if (strcmp(figures->all[i].by, by) == 0 &&
            strncmp(figures->all[i].name, name, NAME - 1) == 0)
            it = &figures->all[i];
    }
    if (it == NULL) {
        figures->all =
            xgrow(figures->all, figures->count, sizeof *figures->all);
        it = &figures->all[figures->count++];
        *it = (struct figure){.by = by};
        (void)snprintf(it->name, sizeof it->name, "%s", name);
    }
    it->bytes[side] += bytes;
}

static void add_totals(struct figures *figures, unsigned side,
                       const struct usage *usage)
{
    const struct heap_use *all = &usage->heaps[0];
    size_t taken = all->slab_live + all->slab_cached;

    add(figures, side, "total", "live", usage_live(usage));
    add(figures, side, "total", "thread caches",
        all->slab_cached + all->chunk_cached);
    add(figures, side, "total", "free in slabs",
        all->slab_bytes > taken ? all->slab_bytes - taken : 0);
    add(figures, side, "total", "free chunks", all->free_chunks + all->top);
    for (unsigned kind = 0; kind < NBLOCKKINDS; kind++)
        add(figures, side, "pages", block_kind_names[kind], usage->bytes[kind]);
}

static void add_heaps(struct figures *figures, unsigned side,
                      const struct usage *usage)
{
    char name[NAME];

    for (unsigned cls = 0; cls < NSLAB; cls++) {
        size_t size = size_class_bytes(cls);
        (void)snprintf(name, sizeof name, "size-%zu", size);
        add(figures, side, "class", name,
            class_live(&usage->heaps[0].classes[cls]) * size);
    }
    for (size_t id = 1; id < usage->nheaps; id++) {
        const struct heap_use *use = &usage->heaps[id];
        size_t idle = use->free_chunks + use->top + use->chunk_cached;
        size_t chunks = use->segment_bytes;
        (void)snprintf(name, sizeof name, "%zu slabs", id);
        add(figures, side, "arena", name, use->slab_live);
        (void)snprintf(name, sizeof name, "%zu chunks", id);
        add(figures, side, "arena", name, chunks > idle ? chunks - idle : 0);
    }
}

/* Mappings by name: their addresses differ from run to run. */
static void add_vmas(struct figures *figures, unsigned side,
                     struct target *target)
{
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);

    for (size_t i = 0; i < count; i++) {
        const char *name = vmas[i].name[0] != '\0' ? vmas[i].name : "[anon]";
        if (vmas[i].has_use)
            add(figures, side, "vma", name, vmas[i].rss);
    }
}

/* Live bytes by their innermost functions, if there is a profile. */
static void add_stacks(struct figures *figures, unsigned side,
                       struct model *model)
{
    static struct named_stack named;
    static char text[STACK_TEXT];
    struct profiled profiled;

    if (!profiled_attach(model, 0, &profiled))
        return;
    for (size_t i = 0; i < profiled.profile->nstacks; i++) {
        uint64_t live = profiled.figures[i].value[METRIC_LIVE_BYTES];
        if (live == 0)
            continue;
        stack_name(profiled.profile, profiled.symbols, i, &named);
        if (named.count > SITE_DEPTH)
            named.count = SITE_DEPTH;
        add(figures, side, "stack", stack_text(&named, SITE_DEPTH, text),
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

/* Warnings are printed of the first target: those of the second as well. */
static void pass_warnings(struct target *to, const struct target *from)
{
    size_t count;
    const char *const *warnings = target_warnings(from, &count);

    for (size_t i = 0; i < count; i++)
        target_warn(to, "%s: %s", target_name(from), warnings[i]);
}

/* False: the target has no heap that can be read; said in *failure. */
static bool collect(struct context *context, unsigned side,
                    struct target *target, struct figures *figures)
{
    struct model *model = model_load(target, context->failure);

    if (model == NULL)
        return false;
    struct usage *usage = usage_count(model);
    add_consistency(&figures->consistency, model);
    add_totals(figures, side, usage);
    add_heaps(figures, side, usage);
    add_stacks(figures, side, model);
    add_vmas(figures, side, target);
    usage_free(usage);
    model_free(model);
    return true;
}

static size_t changed(const struct figure *figure)
{
    size_t before = figure->bytes[0];
    size_t after = figure->bytes[1];

    return after > before ? after - before : before - after;
}

static bool show(struct table *table, const struct figure *figure)
{
    bool grew = figure->bytes[1] >= figure->bytes[0];
    const struct value values[NCOLUMNS] = {
        value_text(figure->by),
        value_text(figure->name),
        value_number(figure->bytes[0]),
        value_number(figure->bytes[1]),
        value_number(grew ? changed(figure) : 0),
        value_number(grew ? 0 : changed(figure)),
    };

    return table_row(table, values);
}

static int by_change(const void *a, const void *b)
{
    size_t left = changed(a);
    size_t right = changed(b);

    return (left < right) - (left > right);
}

/* Each group in the order of the totals, its largest changes first. */
static enum status show_all(struct context *context, struct figures *figures)
{
    static const char *const groups[] = {"total", "pages", "class",
                                         "arena", "stack", "vma"};
    bool all = command_option(context, "all") != NULL;
    struct table *table =
        table_begin(context->output, "diff", columns, NCOLUMNS);

    qsort(figures->all, figures->count, sizeof *figures->all, by_change);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        for (size_t i = 0; i < figures->count; i++) {
            const struct figure *it = &figures->all[i];
            if (strcmp(it->by, groups[g]) == 0 &&
                (all || it->bytes[0] != it->bytes[1]) && !show(table, it))
                break;
        }
    }
    return table_end(table);
}

static enum status run(struct context *context)
{
    const struct target_options options = {.mode = context->mode};
    struct figures figures = {0};
    enum status status;

    if (context->argc != 1) {
        return fail(context->failure, STATUS_USAGE,
                    "diff needs two targets: diff BEFORE AFTER");
    }
    struct target *other =
        target_open(context->argv[0], &options, context->failure);
    if (other == NULL)
        return context->failure->status;
    if (collect(context, 0, context->target, &figures) &&
        collect(context, 1, other, &figures)) {
        output_consistency(context->output, &figures.consistency);
        status = show_all(context, &figures);
    } else {
        status = context->failure->status;
    }
    free(figures.all);
    pass_warnings(context->target, other);
    target_close(other);
    return status;
}

const struct command cmd_diff = {
    .name = "diff",
    .arguments = "BEFORE AFTER",
    .summary =
        "what two targets differ in: shares, pages, classes, arenas, stacks",
    .example = "heapinspect diff before.snap 1234 --fail-over grew=10M",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options = {{"all", NULL, "rows without a difference as well"}},
};
