/* SPDX-License-Identifier: MIT */
/* The tables of prof, its sums, and how far they are to be trusted. */
#include "cmd/prof.h"

enum { PROF_LIMIT = 20 };

#define STACK_COLUMNS                                                         \
    {"FUNCTION", "function", COLUMN_TEXT, true, "that allocated"},            \
        {"FILE", "file", COLUMN_TEXT, true, "its source"},                    \
        {"LINE", "line", COLUMN_COUNT, true, "in it"},                        \
        {"STACK", "stack", COLUMN_TEXT, false,                                \
         "who allocated: innermost function first, < is called by; as text, " \
         "+N are left out"},                                                  \
    {                                                                         \
        "WHOLE_STACK", "whole_stack", COLUMN_TEXT, true, "to its outer end"   \
    }
enum { NSTACK = 5 };

static const struct column columns[] = {
    {"BYTES", "bytes", COLUMN_BYTES, false, "estimate, of the view's kind"},
    {"PART", "part", COLUMN_RATIO, false, "of the sum of all rows"},
    {"OBJECTS", "objects", COLUMN_COUNT, false, "estimate of the blocks"},
    {"SAMPLES", "samples", COLUMN_COUNT, false,
     "blocks looked at: with few the estimate is rough"},
    {"LIVE", "live", COLUMN_BYTES, true, "bytes not freed yet"},
    {"ALLOCATED", "allocated", COLUMN_BYTES, true, "bytes since it was on"},
    {"PEAK", "peak", COLUMN_BYTES, true, "bytes when all together held most"},
    {"RESIDENT", "resident", COLUMN_BYTES, true, "memory of live blocks"},
    {"WASTE", "waste", COLUMN_BYTES, true, "of live blocks, not asked for"},
    {"PINNED", "pinned", COLUMN_BYTES, true,
     "free memory that live blocks keep from going back"},
    STACK_COLUMNS,
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static const struct column life_columns[] = {
    {"BYTES", "bytes", COLUMN_BYTES, false, "live"},
    {"UNDER_1S", "under_1s", COLUMN_BYTES, false, "of them, so young"},
    {"UNDER_1M", "under_1m", COLUMN_BYTES, false, "1 s to 1 min"},
    {"UNDER_1H", "under_1h", COLUMN_BYTES, false, "1 min to 1 h"},
    {"UNDER_1D", "under_1d", COLUMN_BYTES, false, "1 h to 1 day"},
    {"OLDER", "older", COLUMN_BYTES, false, "than a day: who keeps them?"},
    {"OLDEST", "oldest", COLUMN_MS, false, "age of the oldest survivor"},
    {"AGE", "age", COLUMN_MS, false, "mean age of the survivors"},
    {"FREED_AGE", "freed_age", COLUMN_MS, false,
     "mean age of the freed ones: survivors far above it stand out"},
    {"SAMPLES", "samples", COLUMN_COUNT, false, "that live"},
    STACK_COLUMNS,
};
enum { NLIFE = sizeof life_columns / sizeof *life_columns };

static struct value metric_value(const struct profiled *profiled,
                                 const struct prof_figures *figures,
                                 enum metric metric)
{
    bool needs_pages = metric == METRIC_RESIDENT || metric == METRIC_PINNED;

    return needs_pages && !profiled->profile->knows_resident
               ? value_unknown()
               : value_number(figures->value[metric]);
}

static void stack_values(const struct prof_row *row, bool brief,
                         struct value *values)
{
    const char *whole = row->text != NULL ? row->text : row->name;

    values[0] = value_text(row->name);
    values[1] = value_text(row->file);
    values[2] = value_nonzero(row->line);
    values[3] = value_text(brief && row->brief != NULL ? row->brief : whole);
    values[4] = value_text(whole);
}

static bool show_row(struct table *table, const struct profiled *profiled,
                     const struct prof_row *row, enum prof_view view,
                     bool brief)
{
    const struct prof_figures *it = &row->figures;
    enum metric metric = prof_view_metric(view);
    bool all = view == VIEW_CUMULATIVE;
    struct value values[NCOLUMNS] = {
        metric_value(profiled, it, metric),
        value_part(it->value[metric], profiled->total.value[metric]),
        view == VIEW_PEAK
            ? value_unknown()
            : value_number(
                  it->value[all ? METRIC_ALLOC_OBJECTS : METRIC_LIVE_OBJECTS]),
        value_number(all || view == VIEW_PEAK ? it->samples : it->live_samples),
        value_number(it->value[METRIC_LIVE_BYTES]),
        value_number(it->value[METRIC_ALLOC_BYTES]),
        value_number(it->value[METRIC_PEAK_BYTES]),
        metric_value(profiled, it, METRIC_RESIDENT),
        value_number(it->value[METRIC_WASTE]),
        view == VIEW_PINNED ? metric_value(profiled, it, METRIC_PINNED)
                            : value_unknown(),
    };

    stack_values(row, brief, values + NCOLUMNS - NSTACK);
    return table_row(table, values);
}

static struct value mean_ms(uint64_t sum, uint64_t count)
{
    return (struct value){.ratio = count > 0 ? (double)sum / (double)count : 0,
                          .unknown = count == 0};
}

static bool show_life(struct table *table, const struct prof_row *row,
                      bool brief)
{
    const struct prof_figures *it = &row->figures;
    uint64_t freed =
        it->samples > it->live_samples ? it->samples - it->live_samples : 0;
    struct value values[NLIFE] = {
        value_number(it->value[METRIC_LIVE_BYTES]),
        [NAGES + 1] = mean_ms(it->oldest_ms, it->live_samples > 0),
        mean_ms(it->age_ms, it->live_samples),
        mean_ms(it->freed_age_ms, freed),
        value_number(it->live_samples),
    };

    for (unsigned i = 0; i < NAGES; i++)
        values[1 + i] = value_number(it->age_bytes[i]);
    stack_values(row, brief, values + NLIFE - NSTACK);
    return table_row(table, values);
}

/* Live blocks only, but for what is about the past. */
static bool is_shown(const struct prof_row *row, enum prof_view view)
{
    return row->figures.value[prof_view_metric(view)] > 0;
}

static enum status show_rows(struct context *context, struct profiled *profiled,
                             enum prof_view view, enum prof_by by)
{
    bool life = view == VIEW_LIFETIME;
    bool brief = output_is_text(context->output);
    struct prof_rows rows;
    struct table *table =
        life ? table_begin(context->output, "prof", life_columns, NLIFE)
             : table_begin(context->output, "prof", columns, NCOLUMNS);

    prof_rows_take(profiled, by, prof_view_metric(view), &rows);
    for (size_t i = 0; i < rows.count; i++) {
        const struct prof_row *row = &rows.all[i];
        if (!is_shown(row, view))
            continue;
        if (!(life ? show_life(table, row, brief)
                   : show_row(table, profiled, row, view, brief)))
            break;
    }
    prof_rows_free(&rows);
    return table_end(table);
}

static void show_sums(struct context *context, const struct profiled *profiled,
                      enum prof_view view)
{
    const struct prof *head = &profiled->profile->head;
    enum metric metric = prof_view_metric(view);
    struct summary *summary = summary_begin(context->output, "sums");

    summary_add(summary, "active", COLUMN_COUNT, value_number(head->active),
                "1: samples are being taken");
    summary_add(summary, "period", COLUMN_BYTES, value_number(head->period),
                "allocated between two samples, on average");
    summary_add(summary, "total", COLUMN_BYTES,
                metric_value(profiled, &profiled->total, metric),
                metric_meanings[metric]);
    summary_add(
        summary, "error", COLUMN_BYTES,
        value_number((uint64_t)(2 * figures_error(profiled->profile,
                                                  &profiled->total, metric))),
        "of the total: 95 of 100 such estimates are no farther off");
    summary_add(summary, "heap_live", COLUMN_BYTES,
                value_number(profiled->heap_live),
                "in the program's hands, by a walk of the whole heap");
    summary_add(summary, "rounding", COLUMN_BYTES,
                value_number(profiled->total.value[METRIC_WASTE]),
                "of it, not asked for: sizes are rounded up");
    summary_add(summary, "unattributed", COLUMN_BYTES,
                value_number(profiled_unattributed(profiled)),
                "of it, of no sample: allocated before the profile was on");
    summary_add(summary, "samples", COLUMN_COUNT,
                value_number(profiled->profile->nlive), "that live");
    summary_add(summary, "stacks", COLUMN_COUNT,
                value_number(profiled->profile->nstacks - 1), "different ones");
    summary_add(summary, "memory", COLUMN_BYTES, value_number(head->memory),
                "of the profile itself, in the target");
    (void)summary_end(summary);
}

static void advise(struct context *context, const struct profiled *profiled,
                   enum prof_view view)
{
    const struct prof *head = &profiled->profile->head;
    enum metric metric = prof_view_metric(view);
    double error = figures_error(profiled->profile, &profiled->total, metric);
    double total = (double)profiled->total.value[metric];
    char text[32];

    if (profiled->total.samples == 0) {
        output_advise(context->output,
                      "no block was sampled yet: a smaller period finds some "
                      "earlier");
    }
    if (head->unwinder == PROF_UNWIND_NONE) {
        output_advise(context->output,
                      "the target could not load libunwind: no stacks");
    }
    if (total > 0 && error > 0) {
        output_advise(
            context->output,
            "sampling error: the total is right to +- %.1f %% (2 sigma); a "
            "row of %s to +- 100 %%: a smaller period is finer",
            200 * error / total,
            output_bytes(context->output, 4 * head->period, text, sizeof text));
    }
}

static void say_consistency(struct context *context,
                            const struct profiled *profiled)
{
    const struct model *model = profiled->model;
    const struct consistency seen = {
        .known = true,
        .stopped = target_mode(context->target) == MODE_STOP ||
                   target_kind(context->target) != TARGET_PROCESS,
        .retries = model->retries,
        .torn =
            model->torn_heaps + model->torn_zones + profiled->profile->is_torn,
        .unverified = model_unverified(model) >> PAGE_SHIFT,
    };

    output_consistency(context->output, &seen);
}

enum status prof_show(struct context *context, struct profiled *profiled,
                      enum prof_view view, enum prof_by by)
{
    say_consistency(context, profiled);
    output_default_limit(context->output, PROF_LIMIT);
    enum status status = show_rows(context, profiled, view, by);
    show_sums(context, profiled, view);
    advise(context, profiled, view);
    return status;
}
