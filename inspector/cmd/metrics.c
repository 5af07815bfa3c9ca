/* SPDX-License-Identifier: MIT */
/*
 * metrics: the heap's figures as OpenMetrics text, for Prometheus: on stdout,
 * or in a file for the node exporter, which it replaces in one step.  No
 * label is an address: the series stay few.
 */
#include "cmd/profiled.h"

#include "kernel/stat.h"
#include "walk/ledger.h"
#include "walk/usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LABEL = 256 };

struct writer {
    FILE *stream;
    const struct model *model;
    const struct usage *usage;
    const struct ledger *ledger;
    const struct profile *profile; /* NULL: it was never on */
    struct prof_figures total;     /* of the profile */
    char labels[LABEL];            /* of every sample: which process */
};

/* Begins a metric; its samples follow. */
static void family(const struct writer *writer, const char *name,
                   const char *type, const char *help)
{
    (void)fprintf(writer->stream, "# TYPE liballoc_%s %s\n", name, type);
    (void)fprintf(writer->stream, "# HELP liballoc_%s %s\n", name, help);
}

/* One value; the format gives labels beside those of the process, or "". */
static void sample(const struct writer *writer, const char *name,
                   uint64_t number, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void sample(const struct writer *writer, const char *name,
                   uint64_t number, const char *format, ...)
{
    va_list args;

    (void)fprintf(writer->stream, "liballoc_%s{%s", name, writer->labels);
    va_start(args, format);
    (void)vfprintf(writer->stream, format, args);
    va_end(args);
    (void)fprintf(writer->stream, "} %" PRIu64 "\n", number);
}

static void gauge(const struct writer *writer, const char *name,
                  uint64_t number, const char *help)
{
    family(writer, name, "gauge", help);
    sample(writer, name, number, "%s", "");
}

static void counter(const struct writer *writer, const char *name,
                    uint64_t number, const char *help)
{
    char total[96];

    family(writer, name, "counter", help);
    (void)snprintf(total, sizeof total, "%s_total", name);
    sample(writer, total, number, "%s", "");
}

/* Within the quotes of a label. */
static void escape(const char *text, char *out, size_t size)
{
    size_t used = 0;

    for (; *text != '\0' && used + 3 < size; text++) {
        if (*text == '"' || *text == '\\') {
            out[used++] = '\\';
            out[used++] = *text;
        } else {
            bool plain = *text >= ' ' && *text <= '~';
            out[used] = *text;
            if (!plain)
                out[used] = '?';
            used++;
        }
    }
    out[used] = '\0';
}

static void put_memory(const struct writer *writer)
{
    const struct ledger *ledger = writer->ledger;
    size_t live = ledger->use[SHARE_LIVE].resident;

    gauge(writer, "live_bytes", ledger->bytes[SHARE_LIVE],
          "Bytes in the program's hands.");
    gauge(writer, "live_objects", ledger->count[SHARE_LIVE],
          "Blocks in the program's hands.");
    if (!ledger->known)
        return;
    gauge(writer, "resident_bytes", ledger->rss,
          "Memory of the heap, as the kernel counts it.");
    gauge(writer, "waste_bytes",
          ledger->total > live ? ledger->total - live : 0,
          "Memory of the heap that holds nothing live.");
    family(writer, "share_bytes", "gauge",
           "Memory of the heap, by what it is: the ledger of frag.");
    for (unsigned i = 0; i < NSHARES; i++) {
        sample(writer, "share_bytes", ledger->use[i].resident, ",share=\"%s\"",
               share_names[i]);
    }
}

static void put_pages(const struct writer *writer)
{
    uint64_t dirty = 0;
    uint64_t purged = 0;
    uint64_t regret = 0;

    family(writer, "pages_bytes", "gauge",
           "Addresses of the heap, by the state of their pages.");
    for (unsigned kind = 0; kind < NBLOCKKINDS; kind++) {
        sample(writer, "pages_bytes", writer->usage->bytes[kind],
               ",state=\"%s\"", block_kind_names[kind]);
    }
    for (size_t i = 0; i < writer->model->nzones; i++) {
        const struct zone *zone = &writer->model->zones[i].zone;
        dirty += zone->nr_dirty;
        purged += zone->policy.purged;
        regret += zone->policy.regret;
    }
    gauge(writer, "dirty_bytes", dirty << PAGE_SHIFT,
          "Free pages that were not given back.");
    gauge(writer, "purged_recently_bytes", purged << PAGE_SHIFT,
          "Given back to the kernel and not judged yet.");
    gauge(writer, "regretted_bytes", regret << PAGE_SHIFT,
          "Given back, and soon needed again.");
}

static void put_heaps(const struct writer *writer)
{
    static const char *const keys[] = {"slabs", "live", "cached", "arena",
                                       "free"};
    family(writer, "arena_bytes", "gauge",
           "Bytes of each thread's heap: slabs, live objects in them, cached "
           "by the thread, its arena, free in it.");
    for (size_t id = 1; id < writer->usage->nheaps; id++) {
        const struct heap_use *use = &writer->usage->heaps[id];
        const size_t bytes[] = {use->slab_bytes, use->slab_live,
                                use->slab_cached + use->chunk_cached,
                                use->segment_bytes,
                                use->free_chunks + use->top};
        if (writer->model->heaps[id - 1].address == 0)
            continue;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            sample(writer, "arena_bytes", bytes[i], ",heap=\"%zu\",kind=\"%s\"",
                   id, keys[i]);
        }
    }
}

static void put_classes(const struct writer *writer)
{
    static const char *const keys[] = {"memory", "live", "cached"};
    family(writer, "class_bytes", "gauge",
           "Slabs of each object size: their memory, and what of it is live "
           "and cached.");
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        const struct class_use *use = &writer->usage->heaps[0].classes[cls];
        size_t size = size_class_bytes(cls);
        const size_t bytes[] = {use->slabs * slab_bytes(cls),
                                class_live(use) * size,
                                class_cached(use) * size};
        for (size_t i = 0; use->slabs > 0 && i < 3; i++) {
            sample(writer, "class_bytes", bytes[i], ",size=\"%zu\",kind=\"%s\"",
                   size, keys[i]);
        }
    }
}

static void put_process(const struct writer *writer)
{
    struct mm_layout layout = {0};

    if (!stat_parse(target_proc(writer->model->target, "stat"), &layout))
        return;
    family(writer, "page_faults", "counter", "Page faults of the process.");
    sample(writer, "page_faults_total", layout.minor_faults, ",kind=\"minor\"");
    sample(writer, "page_faults_total", layout.major_faults, ",kind=\"major\"");
    gauge(writer, "threads", layout.threads, "Threads of the process.");
}

static void put_profile(const struct writer *writer)
{
    const struct profile *profile = writer->profile;
    const struct prof_figures *total = &writer->total;

    gauge(writer, "profile_active", profile != NULL && profile->head.active,
          "1: allocations are being sampled.");
    if (profile == NULL)
        return;
    gauge(writer, "profile_period_bytes", profile->head.period,
          "Allocated between two samples, on average.");
    gauge(writer, "profile_live_bytes", total->value[METRIC_LIVE_BYTES],
          "Live bytes, estimated by the samples.");
    gauge(writer, "profile_peak_bytes", total->value[METRIC_PEAK_BYTES],
          "Their highest sum.");
    gauge(writer, "profile_memory_bytes", profile->head.memory,
          "Memory of the profile itself.");
    counter(writer, "profile_allocated_bytes", total->value[METRIC_ALLOC_BYTES],
            "Bytes allocated while the profile was on, estimated.");
    counter(writer, "profile_samples", total->samples, "Samples taken.");
    counter(writer, "profile_lost",
            profile->head.lost_samples + profile->head.lost_stacks,
            "Samples and stacks without room.");
}

static void put_all(struct writer *writer)
{
    struct target *target = writer->model->target;
    char program[LABEL / 2];

    escape(target_program(target), program, sizeof program);
    (void)snprintf(writer->labels, sizeof writer->labels,
                   "pid=\"%d\",program=\"%s\"", (int)target_pid(target),
                   program);
    put_memory(writer);
    put_pages(writer);
    put_heaps(writer);
    put_classes(writer);
    put_process(writer);
    put_profile(writer);
    (void)fputs("# EOF\n", writer->stream);
}

/* Readers see the old file or the new one, never half of one. */
static enum status put_file(struct context *context, struct writer *writer,
                            const char *path)
{
    char fresh[4096];

    if (!is_replaceable(path, context->failure))
        return context->failure->status;
    if (snprintf(fresh, sizeof fresh, "%s.%d.tmp", path, (int)getpid()) >=
        (int)sizeof fresh)
        return fail(context->failure, STATUS_USAGE, "--textfile: too long");
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    writer->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (writer->stream == NULL) {
        return fail(context->failure, STATUS_USAGE, "%.200s cannot be written",
                    fresh);
    }
    put_all(writer);
    bool written = fflush(writer->stream) == 0 && ferror(writer->stream) == 0 &&
                   fsync(fd) == 0;
    written = fclose(writer->stream) == 0 && written;
    if (written && rename(fresh, path) == 0)
        return STATUS_FINE;
    (void)unlink(fresh);
    return fail(context->failure, STATUS_INCOMPLETE,
                "%.200s could not be written: it stays as it was", path);
}

static enum status run(struct context *context)
{
    const char *path = command_option(context, "textfile");
    struct failure none = {.status = STATUS_FINE};
    struct writer writer = {.stream = output_stream(context->output)};

    if (!output_is_text(context->output)) {
        return fail(context->failure, STATUS_USAGE,
                    "metrics writes OpenMetrics; other verbs write JSON and "
                    "CSV");
    }
    struct model *model = model_load_held(context->target, context->failure);
    if (model == NULL)
        return context->failure->status;
    struct ledger *ledger = ledger_take(model);
    struct usage *usage = usage_count(model);
    struct profile *profile = profile_load(context->target, &none);
    model_release(model);
    if (profile != NULL) {
        struct prof_figures *figures = figures_take(profile);
        for (size_t i = 0; i < profile->nstacks; i++)
            figures_add(&writer.total, &figures[i]);
        free(figures);
    }
    writer.model = model;
    writer.ledger = ledger;
    writer.usage = usage;
    writer.profile = profile;
    enum status status = STATUS_FINE;
    if (path != NULL) {
        status = put_file(context, &writer, path);
    } else {
        put_all(&writer);
    }
    profile_free(profile);
    usage_free(usage);
    free(ledger);
    return view_end(context, model, status);
}

const struct command cmd_metrics = {
    .name = "metrics",
    .arguments = "TARGET",
    .summary = "figures as OpenMetrics text, for Prometheus",
    .example =
        "heapinspect metrics 1234 --textfile /var/lib/node_exporter/heap.prom",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options = {{"textfile", "FILE",
                 "To a file for the node exporter, replaced in one step"}},
};
