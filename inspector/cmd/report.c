/* SPDX-License-Identifier: MIT */
/* report: the heap as one HTML file that asks for nothing else. */
#include "cmd/report.h"

#include "render/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

json_t *report_address(const struct report *report, uintptr_t address)
{
    char text[32];

    return json_string(
        output_address(report->context->output, address, text, sizeof text));
}

void report_left_out(struct report *report, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_array_append_new(json_object_get(report->root, "left_out"),
                          html_text(text));
}

static void put_text(struct report *report, const char *key, const char *text)
{
    json_object_set_new(report->root, key, html_text(text));
}

static void put_number(struct report *report, const char *key, size_t number)
{
    json_object_set_new(report->root, key, report_number(number));
}

static const char *kind_text(const struct report *report)
{
    switch (target_kind(report->target)) {
    case TARGET_PROCESS:
        return target_mode(report->target) == MODE_STOP
                   ? "live process, stopped while it was read"
                   : "live process, running on while it was read";
    case TARGET_CORE:
        return "core";
    case TARGET_SNAPSHOT:
        return "snapshot";
    }
    return "";
}

/* When, of what, how. */
static void put_envelope(struct report *report)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[64] = "";

    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z", &tm);
    put_text(report, "schema", "heapinspect-report");
    put_text(report, "version", INSPECTOR_VERSION);
    put_text(report, "time", text);
    put_text(report, "program", target_program(report->target));
    put_number(report, "pid", (size_t)target_pid(report->target));
    put_text(report, "kind", kind_text(report));
    put_text(report, "architecture", sizeof(void *) == 8 ? "64 bit" : "32 bit");
    put_number(report, "page", CELL_BYTES);
    json_object_set_new(report->root, "left_out", json_array());
    json_object_set_new(report->root, "warnings", json_array());
}

/* Warnings and consistency, when all has been read. */
static void put_trust(struct report *report)
{
    const struct model *model = report->model;
    size_t count;
    const char *const *warnings = target_warnings(report->target, &count);

    for (size_t i = 0; i < count; i++) {
        json_array_append_new(json_object_get(report->root, "warnings"),
                              html_text(warnings[i]));
    }
    json_object_set_new(report->root, "stop_ms",
                        json_real(target_stop_ms(report->target)));
    put_number(report, "torn", model->torn_heaps + model->torn_zones);
    put_number(report, "unverified",
               (model_unverified(model) >> PAGE_SHIFT) +
                   report->picture->unverified);
}

/* Larger tiles for larger heaps, so that there are not too many. */
static void choose_tiles(struct report *report, size_t bytes)
{
    report->tile_cells = TILE_CELLS;
    while (bytes / (report->tile_cells * CELL_BYTES) > REPORT_TILES)
        report->tile_cells *= 2;
    put_number(report, "tile", report->tile_cells * CELL_BYTES);
}

static size_t heap_bytes(const struct usage *usage)
{
    size_t bytes = 0;

    for (unsigned kind = 0; kind < NBLOCKKINDS; kind++)
        bytes += usage->bytes[kind];
    return bytes;
}

static void gather(struct report *report)
{
    report->usage = usage_count(report->model);
    report->ledger = ledger_take(report->model);
    choose_tiles(report, heap_bytes(report->usage));
    detail_begin(&report->detail, report->tile_cells * CELL_BYTES,
                 REPORT_OBJECT_BYTES);
    report->picture = picture_take(report->model, detail_add, &report->detail);
    detail_finish(&report->detail);
    report_vmas(report);
    report_picture(report);
    report_heap(report);
    report_answer(report);
    (void)profiled_attach(report->model, PROFILED_PINS, &report->profiled);
    model_release(report->model);
    report_flame(report); /* names take their time */
    put_trust(report);
    usage_free(report->usage);
    free(report->ledger);
    picture_free(report->picture);
    detail_end(&report->detail);
}

/* A page on a terminal helps nobody, nor does half of one in JSON. */
static bool is_refused(struct context *context)
{
    if (!output_is_text(context->output)) {
        (void)fail(context->failure, STATUS_USAGE,
                   "report writes HTML; other verbs write JSON and CSV");
        return true;
    }
    if (isatty(fileno(output_stream(context->output))) == 1) {
        (void)fail(context->failure, STATUS_USAGE,
                   "report: where to? (-o FILE.html)");
        return true;
    }
    return false;
}

static enum status run(struct context *context)
{
    struct report report = {
        .context = context,
        .target = context->target,
    };

    if (is_refused(context))
        return STATUS_USAGE;
    /* Not view_begin(): its line on consistency would follow the page. */
    report.model = model_load_held(context->target, context->failure);
    if (report.model == NULL)
        return context->failure->status;
    report.root = json_object();
    put_envelope(&report);
    gather(&report);
    if (!html_has_pictures()) {
        (void)fputs("heapinspect: built without D3: the report has tables "
                    "only\n",
                    stderr);
    }
    bool written =
        html_write(output_stream(context->output), "page.html", report.root);
    json_decref(report.root);
    return view_end(context, report.model,
                    written ? STATUS_FINE : STATUS_INCOMPLETE);
}

const struct command cmd_report = {
    .name = "report",
    .arguments = "TARGET",
    .summary = "one HTML file: where the memory is, and what to do about it",
    .example = "heapinspect report 1234 -o heap.html",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
