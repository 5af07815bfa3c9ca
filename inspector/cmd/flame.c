/* SPDX-License-Identifier: MIT */
/*
 * flame: the profile as a flame graph, a page or a picture; of two targets,
 * what grew and what shrank.
 */
#include "cmd/profiled.h"

#include "prof/tree.h"
#include "render/html.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NODES = 40000 };

static bool add_target(struct tree *tree, struct target *target,
                       struct failure *failure)
{
    struct profiled profiled;

    if (!profiled_begin(target, PROFILED_PINS, false, &profiled, failure))
        return false;
    tree_add(tree, profiled.profile, profiled.figures, profiled.symbols,
             profiled_unattributed(&profiled));
    profiled_end(&profiled);
    return true;
}

/* `flame A B`: B's warnings are said as well. */
static bool add_second(struct context *context, struct tree *tree)
{
    const struct target_options options = {.mode = context->mode};
    struct target *other =
        target_open(context->argv[0], &options, context->failure);

    if (other == NULL)
        return false;
    bool added = add_target(tree, other, context->failure);
    size_t count;
    const char *const *warnings = target_warnings(other, &count);
    for (size_t i = 0; i < count; i++) {
        target_warn(context->target, "%s: %s", target_name(other), warnings[i]);
    }
    target_close(other);
    return added;
}

static bool write_page(struct context *context, const struct tree *tree)
{
    struct target *target = context->target;
    json_t *warnings = json_array();
    size_t count;
    const char *const *texts = target_warnings(target, &count);

    for (size_t i = 0; i < count; i++)
        json_array_append_new(warnings, html_text(texts[i]));
    json_t *root =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:o}", "schema",
                  "heapinspect-flame", "version", INSPECTOR_VERSION, "name",
                  html_text(target_name(target)), "other",
                  html_text(context->argc > 0 ? context->argv[0] : NULL),
                  "program", html_text(target_program(target)), "pid",
                  (json_int_t)target_pid(target), "flame", tree_json(tree),
                  "warnings", warnings);
    bool written =
        html_write(output_stream(context->output), "flame.html", root);
    json_decref(root);
    return written;
}

static bool write_picture(struct context *context, const struct tree *tree,
                          enum metric metric)
{
    char title[512];

    (void)snprintf(title, sizeof title, "%.200s%s%.200s",
                   target_name(context->target),
                   context->argc > 0 ? " -> " : "",
                   context->argc > 0 ? context->argv[0] : "");
    return tree_svg(tree, metric, title, output_stream(context->output));
}

/* NMETRICS: there is none of that name. */
static enum metric find_metric(const char *name)
{
    unsigned metric = 0;

    if (name == NULL)
        return METRIC_LIVE_BYTES;
    while (metric < NMETRICS && strcmp(metric_names[metric], name) != 0)
        metric++;
    return (enum metric)metric;
}

static bool ends_in(const char *text, const char *tail)
{
    size_t length = strlen(text);

    return length >= strlen(tail) &&
           strcmp(text + length - strlen(tail), tail) == 0;
}

static enum status refuse(struct context *context, enum metric metric)
{
    if (!output_is_text(context->output)) {
        return fail(context->failure, STATUS_USAGE,
                    "flame draws; prof --json has the figures");
    }
    if (isatty(fileno(output_stream(context->output))) == 1) {
        return fail(context->failure, STATUS_USAGE,
                    "flame: where to? (-o FILE.html or FILE.svg)");
    }
    if (metric == NMETRICS) {
        return fail(context->failure, STATUS_USAGE,
                    "--metric is alloc_objects, alloc_space, inuse_objects, "
                    "inuse_space, peak_space, resident_space, waste_space or "
                    "pinned_space");
    }
    return STATUS_FINE;
}

static enum status run(struct context *context)
{
    enum metric metric = find_metric(command_option(context, "metric"));
    const char *file = output_file(context->output);
    enum status status = refuse(context, metric);

    if (status != STATUS_FINE)
        return status;
    struct tree *tree = tree_begin();
    if (!add_target(tree, context->target, context->failure) ||
        (context->argc > 0 && !add_second(context, tree))) {
        tree_free(tree);
        return context->failure->status;
    }
    tree_finish(tree, NODES);
    bool picture = command_option(context, "svg") != NULL ||
                   (file != NULL && ends_in(file, ".svg"));
    bool written = picture ? write_picture(context, tree, metric)
                           : write_page(context, tree);
    tree_free(tree);
    return written ? STATUS_FINE : STATUS_INCOMPLETE;
}

const struct command cmd_flame = {
    .name = "flame",
    .arguments = "TARGET [LATER]",
    .summary = "the profile as a flame graph: a page, or a picture; of two "
               "targets what grew",
    .example = "heapinspect flame before.heap after.heap -o grew.html",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options =
        {
            {"metric", "METRIC",
             "Of the picture: inuse_space (default), alloc_space, "
             "resident_space, waste_space, pinned_space, peak_space, "
             "inuse_objects, alloc_objects"},
            {"svg", NULL, "A picture; so too if FILE ends in .svg"},
        },
};
