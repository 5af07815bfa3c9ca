/* SPDX-License-Identifier: MIT */
/*
 * pins: which live objects hold otherwise free memory, by the bytes that
 * would go per object removed; the same by class and thread; and the
 * stretches of 2 MiB that few objects keep from becoming free.
 */
#include "walk/pins.h"
#include "cmd/prof.h"
#include "number.h"

#include <stdio.h>
#include <string.h>

enum {
    PINS_MOST = 1 << 16, /* objects ranked */
    PINS_LIMIT = 20,     /* shown */
    FULLEST = 50,        /* percent */
};

static const struct column columns[] = {
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "of the object"},
    {"SIZE", "size", COLUMN_BYTES, false, "of it, header included"},
    {"GAIN", "gain", COLUMN_BYTES, false,
     "memory that goes per object: free those with the largest first"},
    {"UNIT", "unit", COLUMN_TEXT, false, "what it holds: a slab, or a page"},
    {"START", "unit.start", COLUMN_ADDRESS, false, "of the unit"},
    {"RESIDENT", "unit.resident", COLUMN_BYTES, false, "memory of the unit"},
    {"LIVE", "unit.live", COLUMN_BYTES, false, "of it, in use"},
    {"OBJECTS", "unit.objects", COLUMN_COUNT, false,
     "that hold the unit together: all must go"},
    {"HEAP", "heap", COLUMN_COUNT, false, "thread heap that owns it"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static const struct column group_columns[] = {
    {"CLASS", "class", COLUMN_TEXT, false, "size class of the objects"},
    {"HEAP", "heap", COLUMN_COUNT, false, "that owns them"},
    {"TID", "tid", COLUMN_COUNT, false, "its thread"},
    {"OBJECTS", "objects", COLUMN_COUNT, false, "that hold a unit"},
    {"BYTES", "bytes", COLUMN_BYTES, false, "of these objects"},
    {"PINNED", "pinned", COLUMN_BYTES, false,
     "free memory that they hold: what these cost beyond their size"},
};
enum { NGROUPS = sizeof group_columns / sizeof *group_columns };

static const struct column stack_columns[] = {
    {"PINNED", "pinned", COLUMN_BYTES, false,
     "free memory that its live blocks hold, estimated"},
    {"BYTES", "bytes", COLUMN_BYTES, false, "live ones of the stack"},
    {"SAMPLES", "samples", COLUMN_COUNT, false,
     "blocks looked at: with few the estimate is rough"},
    {"STACK", "stack", COLUMN_TEXT, false,
     "who allocated: innermost function first, < is called by"},
};
enum { NSTACKS = sizeof stack_columns / sizeof *stack_columns };

static const struct column huge_columns[] = {
    {"START", "start", COLUMN_ADDRESS, false, "of 2 MiB of addresses"},
    {"RESIDENT", "resident", COLUMN_BYTES, false, "memory there"},
    {"LIVE", "live", COLUMN_BYTES, false, "of it, in use"},
    {"OBJECTS", "objects", COLUMN_COUNT, false, "live ones"},
    {"GAIN", "gain", COLUMN_BYTES, false, "memory that goes per object"},
};
enum { NHUGE = sizeof huge_columns / sizeof *huge_columns };

static enum status show_pins(struct context *context, const struct pins *pins)
{
    struct table *table =
        table_begin(context->output, "pins", columns, NCOLUMNS);

    for (size_t i = 0; i < pins->ntop; i++) {
        const struct pin *pin = &pins->top[i];
        const struct value values[NCOLUMNS] = {
            value_number(pin->object.mem),
            value_number(pin->object.size),
            value_number(pin->gain),
            value_text(pin->unit == PIN_SLAB ? "slab" : "page"),
            value_number(pin->start),
            value_number(pin->resident),
            value_number(pin->live),
            value_number(pin->objects),
            value_nonzero(pin->object.heap_id),
        };
        if (!table_row(table, values))
            break;
    }
    return table_end(table);
}

static const char *class_name(unsigned cls, char text[24])
{
    if (cls >= NCLASS)
        return "other";
    (void)snprintf(text, 24, "size-%zu", size_class_bytes(cls));
    return text;
}

static void show_groups(struct context *context, const struct model *model,
                        const struct pins *pins)
{
    struct table *table =
        table_begin(context->output, "groups", group_columns, NGROUPS);

    for (size_t i = 0; i < pins->ngroups && i < PINS_LIMIT; i++) {
        const struct pin_group *group = &pins->groups[i];
        const struct model_heap *heap = model_heap(model, group->heap_id);
        char text[24];
        const struct value values[NGROUPS] = {
            value_text(class_name(group->cls, text)),
            value_nonzero(group->heap_id),
            value_nonzero(heap != NULL ? heap->heap.tid : 0),
            value_number(group->objects),
            value_number(group->bytes),
            value_number(group->pinned),
        };
        if (!table_row(table, values))
            break;
    }
    (void)table_end(table);
}

static void show_huge(struct context *context, const struct pins *pins)
{
    struct table *table =
        table_begin(context->output, "huge", huge_columns, NHUGE);

    for (size_t i = 0; i < pins->nhuge && i < PINS_LIMIT; i++) {
        const struct pin_huge *huge = &pins->huge[i];
        const struct value values[NHUGE] = {
            value_number(huge->start),
            value_number(huge->resident),
            value_number(huge->live),
            value_number(huge->objects),
            value_number(huge->resident / huge->objects),
        };
        if (!table_row(table, values))
            break;
    }
    (void)table_end(table);
}

static void show_sums(struct context *context, const struct pins *pins)
{
    struct summary *summary = summary_begin(context->output, "sums");

    summary_add(summary, "pinned", COLUMN_BYTES, value_number(pins->pinned),
                "free memory in slabs and pages that a few live objects hold");
    summary_add(summary, "units", COLUMN_COUNT, value_number(pins->units),
                "such slabs and pages");
    summary_add(summary, "objects", COLUMN_COUNT, value_number(pins->count),
                "live objects in them");
    summary_add(summary, "stretches", COLUMN_COUNT, value_number(pins->nhuge),
                "2 MiB of addresses each, which huge pages could not leave");
    (void)summary_end(summary);
}

static void advise(struct context *context, const struct pins *pins)
{
    char text[32];
    char name[24];

    if (pins->ngroups == 0)
        return;
    const struct pin_group *worst = &pins->groups[0];
    output_advise(
        context->output,
        "%zu objects of %s of heap %u hold %s beyond their size: "
        "free them earlier, or allocate what lives long apart from "
        "what does not",
        worst->objects, class_name(worst->cls, name), worst->heap_id,
        output_bytes(context->output, worst->pinned, text, sizeof text));
}

/* Who allocated what pins: estimates, by the samples among them. */
static enum status show_stacks(struct context *context, struct model *model)
{
    struct profiled profiled;
    struct prof_rows rows;

    /* Anew for its failure: the profile is what was asked for. */
    if (!profiled_attach(model, PROFILED_PINS, &profiled)) {
        (void)profile_load(context->target, context->failure);
        return context->failure->status;
    }
    model_release(model); /* names take their time */
    struct table *table =
        table_begin(context->output, "stacks", stack_columns, NSTACKS);
    prof_rows_take(&profiled, BY_STACK, METRIC_PINNED, &rows);
    for (size_t i = 0; i < rows.count; i++) {
        const struct prof_figures *it = &rows.all[i].figures;
        const struct value values[NSTACKS] = {
            value_number(it->value[METRIC_PINNED]),
            value_number(it->value[METRIC_LIVE_BYTES]),
            value_number(it->live_samples),
            value_text(rows.all[i].text),
        };
        if (it->value[METRIC_PINNED] > 0 && !table_row(table, values))
            break;
    }
    prof_rows_free(&rows);
    profiled_end(&profiled);
    return table_end(table);
}

static enum status run(struct context *context)
{
    const char *option = command_option(context, "fullest");
    const char *by = command_option(context, "by");
    uint64_t fullest = FULLEST;

    if (option != NULL && (!parse_number(option, &fullest) || fullest > 100)) {
        return fail(context->failure, STATUS_USAGE,
                    "--fullest is a number of percent, 0 to 100");
    }
    if (by != NULL && strcmp(by, "class") != 0 && strcmp(by, "stack") != 0)
        return fail(context->failure, STATUS_USAGE, "--by is class or stack");
    struct model *model = view_begin(context, true);
    if (model == NULL)
        return context->failure->status;
    if (by != NULL && strcmp(by, "stack") == 0) {
        output_default_limit(context->output, PINS_LIMIT);
        enum status shown = show_stacks(context, model);
        return view_end(context, model, shown);
    }
    struct pins *pins = pins_find(model, (unsigned)fullest, PINS_MOST);
    view_unverified(context, model, pins->unread);
    output_default_limit(context->output, PINS_LIMIT);
    if (pins->count > pins->ntop) {
        target_warn(context->target, "ranked: the best %zu of %zu objects",
                    pins->ntop, pins->count);
    }
    enum status status = show_pins(context, pins);
    show_groups(context, model, pins);
    show_huge(context, pins);
    show_sums(context, pins);
    advise(context, pins);
    pins_free(pins);
    return view_end(context, model, status);
}

const struct command cmd_pins = {
    .name = "pins",
    .arguments = "TARGET",
    .summary = "live objects that hold otherwise free slabs and pages",
    .example = "heapinspect pins 1234 --filter 'gain>16K' --limit 50",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options = {{"fullest", "PERCENT",
                 "units of which at most this part is live (50)"},
                {"by", "WHAT", "class (default), or stack: of a profile"}},
};
