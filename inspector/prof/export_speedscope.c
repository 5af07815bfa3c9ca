/* SPDX-License-Identifier: MIT */
/* speedscope's file format: several weights of the same stacks in one file. */
#include "prof/export.h"

#include "prof/index_map.h"
#include "render/html.h"

#include <jansson.h>

struct builder {
    const struct exported *exported;
    struct index_map frames; /* by function and file */
    json_t *frame_list;
    json_t *samples;
};

static json_int_t add_frame(struct builder *builder,
                            const struct symbol *symbol)
{
    uint32_t known = builder->frames.count;
    uint32_t index =
        index_map_add(&builder->frames, index_key(symbol->function));

    if (index == known) {
        json_t *frame = json_object();
        json_object_set_new(frame, "name", html_text(symbol->function));
        if (symbol->file != NULL)
            json_object_set_new(frame, "file", html_text(symbol->file));
        json_array_append_new(builder->frame_list, frame);
    }
    return index;
}

/* Frames root first, as they draw them. */
static json_t *stack_json(struct builder *builder, size_t stack)
{
    static struct named_stack named;
    json_t *list = json_array();

    stack_name(builder->exported->profile, builder->exported->symbols, stack,
               &named);
    for (size_t i = named.count; i-- > 0;) {
        json_array_append_new(
            list, json_integer(add_frame(builder, named.symbols[i])));
    }
    return list;
}

/* A frame that is no function. */
static uint64_t add_rest(struct builder *builder, const char *name,
                         uint64_t weight, json_t *samples, json_t *weights)
{
    const struct symbol rest = {
        .function = symbols_intern(builder->exported->symbols, name)};

    json_array_append_new(samples, json_pack("[I]", add_frame(builder, &rest)));
    json_array_append_new(weights, json_integer((json_int_t)weight));
    return weight;
}

static json_t *profile_json(struct builder *builder, enum metric metric)
{
    const struct exported *exported = builder->exported;
    json_t *samples = json_array();
    json_t *weights = json_array();
    uint64_t total = 0;

    for (size_t i = 0; i < exported->profile->nstacks; i++) {
        uint64_t value = exported->figures[i].value[metric];
        if (value == 0)
            continue;
        json_array_append(samples, json_array_get(builder->samples, i));
        json_array_append_new(weights, json_integer((json_int_t)value));
        total += value;
    }
    if (metric == METRIC_LIVE_BYTES) {
        total += add_rest(builder, EXPORT_ROUNDING, exported->rounding, samples,
                          weights);
        total += add_rest(builder, EXPORT_UNATTRIBUTED, exported->unattributed,
                          samples, weights);
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:I, s:o, s:o}", "type", "sampled",
                     "name", metric_names[metric], "unit",
                     metric_is_bytes(metric) ? "bytes" : "none", "startValue",
                     0, "endValue", (json_int_t)total, "samples", samples,
                     "weights", weights);
}

bool export_speedscope(FILE *stream, const struct exported *exported)
{
    struct builder builder = {
        .exported = exported,
        .frame_list = json_array(),
        .samples = json_array(),
    };
    json_t *profiles = json_array();

    for (size_t i = 0; i < exported->profile->nstacks; i++)
        json_array_append_new(builder.samples, stack_json(&builder, i));
    for (unsigned metric = 0; metric < NMETRICS; metric++) {
        json_array_append_new(profiles,
                              profile_json(&builder, (enum metric)metric));
    }
    json_t *root =
        json_pack("{s:s, s:{s:o}, s:o, s:s, s:s, s:i}", "$schema",
                  "https://www.speedscope.app/file-format-schema.json",
                  "shared", "frames", builder.frame_list, "profiles", profiles,
                  "name", target_program(exported->profile->target), "exporter",
                  "heapinspect " INSPECTOR_VERSION, "activeProfileIndex",
                  METRIC_LIVE_BYTES);
    bool written = json_dumpf(root, stream, JSON_COMPACT) == 0;
    json_decref(root);
    json_decref(builder.samples);
    index_map_free(&builder.frames);
    return written && ferror(stream) == 0;
}
