/* SPDX-License-Identifier: MIT */
/*
 * prof: who allocated what is live, resident, wasted, pinned; by stack,
 * function or module.  The same stacks in every view, with another weight.
 */
#include "cmd/prof.h"

#include "prof/export.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const prof_view_names[NVIEWS] = {
    [VIEW_LIVE] = "live",         [VIEW_CUMULATIVE] = "cumulative",
    [VIEW_PEAK] = "peak",         [VIEW_RESIDENT] = "resident",
    [VIEW_WASTE] = "waste",       [VIEW_PINNED] = "pinned",
    [VIEW_LIFETIME] = "lifetime",
};

const char *const prof_by_names[NBYS] = {
    [BY_STACK] = "stack",
    [BY_FUNCTION] = "function",
    [BY_MODULE] = "module",
};

enum metric prof_view_metric(enum prof_view view)
{
    static const enum metric metrics[NVIEWS] = {
        [VIEW_LIVE] = METRIC_LIVE_BYTES,
        [VIEW_CUMULATIVE] = METRIC_ALLOC_BYTES,
        [VIEW_PEAK] = METRIC_PEAK_BYTES,
        [VIEW_RESIDENT] = METRIC_RESIDENT,
        [VIEW_WASTE] = METRIC_WASTE,
        [VIEW_PINNED] = METRIC_PINNED,
        [VIEW_LIFETIME] = METRIC_LIVE_BYTES,
    };

    return metrics[view];
}

struct prof_options {
    enum prof_view view;
    enum prof_by by;
    const char *format; /* of --export; NULL: a table */
};

static enum status write_export(struct context *context,
                                struct profiled *profiled,
                                const struct prof_options *options)
{
    FILE *stream = output_stream(context->output);
    const struct export_format *format = export_find(options->format);
    const struct exported exported = {
        .profile = profiled->profile,
        .figures = profiled->figures,
        .symbols = profiled->symbols,
        .unattributed = profiled_unattributed(profiled),
        .rounding = profiled->total.value[METRIC_WASTE],
        .metric = prof_view_metric(options->view),
    };

    if (format->has_addresses && output_hashes_addresses(context->output)) {
        return fail(context->failure, STATUS_USAGE,
                    "prof --export=%s tells addresses: not with "
                    "--hash-addresses",
                    format->name);
    }
    if (isatty(fileno(stream)) == 1 && format->is_binary) {
        return fail(context->failure, STATUS_USAGE,
                    "prof --export=%s: where to? (-o FILE)", format->name);
    }
    return format->write(stream, &exported) ? STATUS_FINE : STATUS_INCOMPLETE;
}

/* Index of a word; false: it is none of them. */
static bool find_word(const char *word, const char *const *words, int count,
                      int *index)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

static enum status parse(struct context *context, struct prof_options *options)
{
    const char *view = command_option(context, "view");
    const char *by = command_option(context, "by");
    int index = 0;

    options->format = command_option(context, "export");
    if (view != NULL && !find_word(view, prof_view_names, NVIEWS, &index)) {
        return fail(context->failure, STATUS_USAGE,
                    "--view is live, cumulative, peak, resident, waste, "
                    "pinned or lifetime");
    }
    options->view = (enum prof_view)index;
    index = 0;
    if (by != NULL && !find_word(by, prof_by_names, NBYS, &index)) {
        return fail(context->failure, STATUS_USAGE,
                    "--by is stack, function or module");
    }
    options->by = (enum prof_by)index;
    if (options->format != NULL && export_find(options->format) == NULL) {
        return fail(context->failure, STATUS_USAGE,
                    "--export is pprof, collapsed, speedscope or heaptrack");
    }
    return STATUS_FINE;
}

static unsigned needs_of(const struct prof_options *options)
{
    bool all =
        options->format != NULL && export_find(options->format)->needs_all;

    return PROFILED_BLOCKS |
           (all || options->view == VIEW_PINNED ? PROFILED_PINS : 0u);
}

static enum status run(struct context *context)
{
    struct prof_options options = {0};
    struct profiled profiled;
    enum status status = parse(context, &options);
    bool ask = command_option(context, "debuginfod") != NULL;

    if (status != STATUS_FINE)
        return status;
    if (context->argc > 0 && (strcmp(context->argv[0], "on") == 0 ||
                              strcmp(context->argv[0], "off") == 0))
        return prof_switch(context);
    if (context->argc > 0) {
        return fail(context->failure, STATUS_USAGE,
                    "prof: \"%.32s\" is neither on nor off", context->argv[0]);
    }
    if (!profiled_begin(context->target, needs_of(&options), ask, &profiled,
                        context->failure))
        return context->failure->status;
    if (options.format != NULL) {
        status = write_export(context, &profiled, &options);
    } else {
        status = prof_show(context, &profiled, options.view, options.by);
    }
    profiled_end(&profiled);
    return status;
}

const struct command cmd_prof = {
    .name = "prof",
    .arguments = "TARGET [on [PERIOD]|off]",
    .summary = "the sampled profile: who allocated what is live, resident, "
               "wasted, pinned",
    .example = "heapinspect prof 1234 --view resident --by function",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options =
        {
            {"view", "VIEW",
             "live (default), cumulative, peak, resident, waste, pinned or "
             "lifetime"},
            {"by", "WHAT", "stack (default), function or module"},
            {"export", "FORMAT",
             "pprof, collapsed, speedscope or heaptrack, to -o FILE"},
            {"debuginfod", NULL,
             "Missing debug files from the servers of $DEBUGINFOD_URLS"},
        },
};
