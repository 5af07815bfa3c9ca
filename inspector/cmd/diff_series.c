/* SPDX-License-Identifier: MIT */
/*
 * diff of a series: what grew overnight.  A leak grows and never shrinks;
 * what works up and down is a cache, or the day's load.
 */
#include "cmd/diff.h"

#include "memory.h"
#include "prof/stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"BY", "by", COLUMN_TEXT, false, "total, pages, class, arena, stack, vma"},
    {"NAME", "name", COLUMN_TEXT, false, "which of these"},
    {"FIRST", "first", COLUMN_BYTES, false, "in the first target"},
    {"LAST", "last", COLUMN_BYTES, false, "in the last"},
    {"GREW", "grew", COLUMN_BYTES, false, "by so much"},
    {"UP", "up", COLUMN_COUNT, false, "steps in which it grew"},
    {"DOWN", "down", COLUMN_COUNT, false, "steps in which it shrank"},
    {"PER_HOUR", "per_hour", COLUMN_BYTES, false,
     "growth, if the targets tell when they were taken"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

enum {
    NOISE = 100, /* a fall by less than this part of the largest is none */
    FRAMES = 6,
};

struct series {
    struct context *context;
    struct figures figures;
    uint64_t first_ms; /* of the process's clock; 0: not known */
    uint64_t last_ms;
    struct target *last; /* names its stacks */
};

struct growth {
    const struct figure *figure;
    size_t first, last;
    size_t up, down;
};

static struct growth growth_of(const struct figures *figures,
                               const struct figure *figure)
{
    struct growth growth = {.figure = figure,
                            .first = figure->bytes[0],
                            .last = figure->bytes[figures->nsides - 1]};
    size_t most = 0;

    for (size_t i = 0; i < figures->nsides; i++)
        most = figure->bytes[i] > most ? figure->bytes[i] : most;
    for (size_t i = 1; i < figures->nsides; i++) {
        size_t before = figure->bytes[i - 1];
        size_t after = figure->bytes[i];
        growth.up += after > before;
        growth.down += before > after && before - after > most / NOISE;
    }
    return growth;
}

/* Up in the end, never down, and in more than one leap. */
static bool has_grown(const struct growth *growth)
{
    return growth->last > growth->first && growth->down == 0 && growth->up > 1;
}

static size_t grew(const struct growth *growth)
{
    return growth->last > growth->first ? growth->last - growth->first : 0;
}

static int by_growth(const void *left, const void *right)
{
    const struct growth *a = left;
    const struct growth *b = right;

    if (grew(a) != grew(b))
        return grew(a) < grew(b) ? 1 : -1;
    return strcmp(a->figure->name, b->figure->name);
}

/* Names for stacks of the last target, by their hash. */
struct namer {
    struct profile *profile;
    struct symbols *symbols;
    struct named_stack named;
    char text[STACK_TEXT];
};

static void name_stack(struct namer *namer, struct figure *figure)
{
    uint64_t hash = strtoull(figure->name, NULL, 16);

    for (size_t i = 1; i < namer->profile->nstacks; i++) {
        if (namer->profile->stacks[i].hash != hash)
            continue;
        stack_name(namer->profile, namer->symbols, i, &namer->named);
        (void)snprintf(figure->name, sizeof figure->name, "%s",
                       stack_text(&namer->named, FRAMES, namer->text));
        return;
    }
}

/* Its bytes to the first of the same name; false: it is the first. */
static bool merge(struct figures *figures, size_t at)
{
    struct figure *figure = &figures->all[at];

    for (size_t i = 0; i < at; i++) {
        struct figure *other = &figures->all[i];
        if (other->by != BY_STACK || strcmp(other->name, figure->name) != 0)
            continue;
        for (size_t side = 0; side < figures->nsides; side++)
            other->bytes[side] += figure->bytes[side];
        free(figure->bytes);
        return true;
    }
    return false;
}

/* Stacks that differ in line numbers alone are one to the reader. */
static void name_stacks(struct series *series)
{
    static struct namer namer;
    struct figures *figures = &series->figures;
    struct failure unwanted; /* there may be no profile */
    size_t kept = 0;

    namer.profile = profile_load(series->last, &unwanted);
    if (namer.profile == NULL)
        return;
    namer.symbols = symbols_begin(series->last, false);
    for (size_t i = 0; i < figures->count; i++) {
        figures->all[kept] = figures->all[i];
        if (figures->all[kept].by == BY_STACK)
            name_stack(&namer, &figures->all[kept]);
        kept += figures->all[kept].by != BY_STACK || !merge(figures, kept);
    }
    figures->count = kept;
    symbols_end(namer.symbols);
    profile_free(namer.profile);
}

static struct value per_hour(const struct series *series, size_t bytes)
{
    if (series->first_ms == 0 || series->last_ms <= series->first_ms)
        return value_unknown();
    double hours = (double)(series->last_ms - series->first_ms) / 36e5;
    return value_number((uint64_t)((double)bytes / hours));
}

static void advise(const struct series *series, const struct growth *growth)
{
    struct context *context = series->context;
    char from[32];
    char to[32];

    output_advise(
        context->output,
        "%s %s grew in %zu of %zu steps and never shrank, from %s to %s: what "
        "is kept there has no bound yet%s",
        figure_by_names[growth->figure->by], growth->figure->name, growth->up,
        series->figures.nsides - 1,
        output_bytes(context->output, growth->first, from, sizeof from),
        output_bytes(context->output, growth->last, to, sizeof to),
        growth->figure->by == BY_STACK
            ? ""
            : "; with a profile (prof:1) stacks are shown, too");
}

static bool row(const struct series *series, struct table *table,
                const struct growth *growth)
{
    const struct value values[NCOLUMNS] = {
        value_text(figure_by_names[growth->figure->by]),
        value_text(growth->figure->name),
        value_number(growth->first),
        value_number(growth->last),
        value_number(grew(growth)),
        value_number(growth->up),
        value_number(growth->down),
        per_hour(series, grew(growth)),
    };

    return table_row(table, values);
}

/* The one to be told of: a stack if there is one, else a class. */
static const struct growth *worst(const struct growth *all, size_t count)
{
    static const enum figure_by order[] = {BY_STACK, BY_CLASS, BY_ARENA,
                                           BY_TOTAL};

    for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
        for (size_t i = 0; i < count; i++) {
            if (all[i].figure->by == order[k])
                return &all[i];
        }
    }
    return NULL;
}

static enum status show(struct series *series, struct growth *all, size_t count)
{
    struct context *context = series->context;
    struct table *table =
        table_begin(context->output, "growth", columns, NCOLUMNS);
    const struct growth *told = worst(all, count);

    for (size_t by = 0; by < NFIGURE_BYS; by++) {
        for (size_t i = 0; i < count; i++) {
            if (all[i].figure->by == by && !row(series, table, &all[i]))
                break;
        }
    }
    if (told != NULL)
        advise(series, told);
    if (count == 0) {
        output_advise(context->output,
                      "nothing grew in more than one step without shrinking");
    }
    return table_end(table);
}

static enum status judge(struct series *series)
{
    const struct figures *figures = &series->figures;
    bool all = command_option(series->context, "all") != NULL;
    size_t count = 0;

    name_stacks(series);
    struct growth *grown = xcalloc(figures->count + 1, sizeof *grown);
    for (size_t i = 0; i < figures->count; i++) {
        struct growth growth = growth_of(figures, &figures->all[i]);
        if (has_grown(&growth) || (all && growth.up + growth.down > 0))
            grown[count++] = growth;
    }
    if (count > 1)
        qsort(grown, count, sizeof *grown, by_growth);
    output_consistency(series->context->output, &figures->consistency);
    enum status status = show(series, grown, count);
    free(grown);
    return status;
}

/* One more side; the last one stays open. */
static bool take(struct series *series, size_t side, const char *name)
{
    struct context *context = series->context;
    const struct target_options options = {.mode = context->mode};
    struct target *target = side == 0
                                ? context->target
                                : target_open(name, &options, context->failure);

    if (target == NULL)
        return false;
    if (side > 0) {
        if (series->last != context->target)
            target_close(series->last);
        series->last = target;
    }
    uint64_t now_ms = target_clock_ms(target);
    if (side == 0)
        series->first_ms = now_ms;
    series->last_ms = now_ms;
    return figures_collect(&series->figures, side, target, context->failure);
}

enum status diff_series(struct context *context)
{
    size_t nsides = (size_t)context->argc + 1;
    struct series series = {.context = context,
                            .figures = {.nsides = nsides, .by_hash = true},
                            .last = context->target};
    bool whole = true;

    if (nsides > FIGURE_SIDES) {
        return fail(context->failure, STATUS_USAGE,
                    "at most %d targets at a time", FIGURE_SIDES);
    }
    for (size_t i = 0; i < nsides && whole; i++)
        whole = take(&series, i, i > 0 ? context->argv[i - 1] : NULL);
    enum status status = whole ? judge(&series) : context->failure->status;
    if (series.last != context->target)
        target_close(series.last);
    figures_free(&series.figures);
    return status;
}
