/* SPDX-License-Identifier: MIT */
/*
 * diff: what is different between two targets: processes, cores, snapshots of
 * one process at two times; by share, kind of page, size class, arena, stack,
 * VMA.
 */
#include "cmd/diff.h"

#include <stdlib.h>

static const struct column columns[] = {
    {"BY", "by", COLUMN_TEXT, false, "total, pages, class, arena, stack, vma"},
    {"NAME", "name", COLUMN_TEXT, false, "which of these"},
    {"BEFORE", "before", COLUMN_BYTES, false, "in the first target"},
    {"AFTER", "after", COLUMN_BYTES, false, "in the second"},
    {"GREW", "grew", COLUMN_BYTES, false, "by so much"},
    {"SHRANK", "shrank", COLUMN_BYTES, false, "by so much"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

/* Warnings are printed of the first target: those of the second as well. */
static void pass_warnings(struct target *to, const struct target *from)
{
    size_t count;
    const char *const *warnings = target_warnings(from, &count);

    for (size_t i = 0; i < count; i++)
        target_warn(to, "%s: %s", target_name(from), warnings[i]);
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
        value_text(figure_by_names[figure->by]),
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
    bool all = command_option(context, "all") != NULL;
    struct table *table =
        table_begin(context->output, "diff", columns, NCOLUMNS);

    if (figures->nprofiles == 1) {
        target_warn(context->target,
                    "one of the two has no profile: nothing by stack");
    }
    qsort(figures->all, figures->count, sizeof *figures->all, by_change);
    for (size_t by = 0; by < NFIGURE_BYS; by++) {
        if (by == BY_STACK && figures->nprofiles < figures->nsides)
            continue;
        for (size_t i = 0; i < figures->count; i++) {
            const struct figure *it = &figures->all[i];
            if (it->by == by && (all || it->bytes[0] != it->bytes[1]) &&
                !show(table, it))
                break;
        }
    }
    return table_end(table);
}

static enum status run(struct context *context)
{
    const struct target_options options = {.mode = context->mode};
    struct figures figures = {.nsides = 2};
    enum status status;

    if (context->argc > 1)
        return diff_series(context);
    if (context->argc != 1) {
        return fail(context->failure, STATUS_USAGE,
                    "diff needs two targets: diff BEFORE AFTER");
    }
    struct target *other =
        target_open(context->argv[0], &options, context->failure);
    if (other == NULL)
        return context->failure->status;
    if (figures_collect(&figures, 0, context->target, context->failure) &&
        figures_collect(&figures, 1, other, context->failure)) {
        output_consistency(context->output, &figures.consistency);
        status = show_all(context, &figures);
    } else {
        status = context->failure->status;
    }
    figures_free(&figures);
    pass_warnings(context->target, other);
    target_close(other);
    return status;
}

const struct command cmd_diff = {
    .name = "diff",
    .arguments = "BEFORE AFTER | FIRST SECOND THIRD...",
    .summary = "what differs, or, of a series, what grew and never shrank",
    .example = "heapinspect diff before.snap 1234 --fail-over grew=10M",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options = {{"all", NULL, "rows without a difference as well"}},
};
