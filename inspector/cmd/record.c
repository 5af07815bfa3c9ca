/* SPDX-License-Identifier: MIT */
/*
 * record: every allocation and free of a program with its stack, into a file;
 * and what such a file says.
 */
#include "cmd/record.h"

#include "record/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char *const metric_names[] = {
    [RECORD_BY_BYTES] = "bytes",
    [RECORD_BY_ALLOCATIONS] = "allocations",
    [RECORD_BY_TEMPORARY] = "temporary",
    [RECORD_BY_PEAK] = "peak",
    [RECORD_BY_LEAKED] = "leaked",
};

enum { NMETRIC_NAMES = sizeof metric_names / sizeof *metric_names };

/* What keeps the answer from being all; STATUS_FINE: nothing. */
static enum status judge(struct context *context, const char *path,
                         const struct record *record,
                         const struct analysis *analysis)
{
    uint64_t missing = analysis_missing(record, analysis);

    if (!record->has_end || record->used < record->size) {
        return fail(context->failure, STATUS_INCOMPLETE,
                    "%.160s was cut short: this is what it holds up to there",
                    path);
    }
    if (!analysis->is_whole) {
        return fail(context->failure, STATUS_INCOMPLETE,
                    "%.160s is damaged: this is what could be read", path);
    }
    if (missing > 0) {
        return fail(context->failure, STATUS_INCOMPLETE,
                    "%.160s: %llu events were lost", path,
                    (unsigned long long)missing);
    }
    return STATUS_FINE;
}

/* Figures, with a row a stack behind them if wanted. */
static enum status show(struct context *context, const char *path,
                        bool with_stacks)
{
    struct record *record = record_open(path, context->failure);

    if (record == NULL)
        return context->failure->status;
    struct analysis *analysis = analyse(record, NULL);
    enum status status = record_show_summary(context, path, record, analysis);
    if (with_stacks && status == STATUS_FINE)
        status = record_show_stacks(context, record, analysis);
    if (status == STATUS_FINE)
        status = judge(context, path, record, analysis);
    analysis_free(analysis);
    record_close(record);
    return status;
}

static FILE *open_export(struct context *context)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC;
    int fd;

    if (context->file == NULL)
        return stdout;
    fd = open(context->file, flags | (context->force ? O_TRUNC : O_EXCL), 0600);
    FILE *stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (stream == NULL) {
        (void)fail(context->failure, STATUS_USAGE, "%.200s: %s", context->file,
                   strerror(errno));
    }
    return stream;
}

static enum status write_export(struct context *context, const char *path,
                                const char *format, enum record_metric metric)
{
    bool is_heaptrack = strcmp(format, "heaptrack") == 0;

    if (!is_heaptrack && strcmp(format, "collapsed") != 0) {
        return fail(context->failure, STATUS_USAGE,
                    "--export is collapsed or heaptrack");
    }
    struct record *record = record_open(path, context->failure);
    if (record == NULL)
        return context->failure->status;
    output_no_consistency(context->output);
    FILE *stream = open_export(context);
    enum status status = STATUS_USAGE;
    if (stream != NULL) {
        bool good = is_heaptrack
                        ? record_export_heaptrack(stream, record)
                        : record_export_collapsed(stream, record, metric);
        good =
            (stream == stdout ? fflush(stream) : fclose(stream)) == 0 && good;
        status = good ? STATUS_FINE
                      : fail(context->failure, STATUS_INCOMPLETE,
                             "not all could be written: %s", strerror(errno));
    }
    if (status == STATUS_FINE && (!record->has_end)) {
        status = fail(context->failure, STATUS_INCOMPLETE,
                      "%.160s was cut short: exported up to there", path);
    }
    record_close(record);
    return status;
}

static enum status analyse_file(struct context *context, const char *path)
{
    const char *format = command_option(context, "export");
    const char *metric = command_option(context, "metric");
    int index = 0;

    while (metric != NULL && index < NMETRIC_NAMES &&
           strcmp(metric, metric_names[index]) != 0)
        index++;
    if (index == NMETRIC_NAMES) {
        return fail(context->failure, STATUS_USAGE,
                    "--metric is bytes, allocations, temporary, peak or "
                    "leaked");
    }
    if (format != NULL)
        return write_export(context, path, format, (enum record_metric)index);
    if (context->file != NULL) {
        return fail(context->failure, STATUS_USAGE,
                    "record --analyse writes to stdout; -o is for --export");
    }
    output_default_limit(context->output, 20);
    return show(context, path, true);
}

static enum status run_program(struct context *context)
{
    const struct receive_options options = {
        .argv = context->argv,
        .argc = context->argc,
        .file = context->file,
        .force = context->force,
        .no_liballoc = command_option(context, "no-liballoc") != NULL,
    };
    struct received received = {.dropped = 0};
    enum status status = receive(&options, &received, context->failure);

    if (status != STATUS_FINE)
        return status;
    if (!received.attached) {
        return fail(context->failure, STATUS_GONE,
                    "%.120s took no recorder: it is static, setuid, or "
                    "never allocated",
                    context->argv[0]);
    }
    status = show(context, received.file, false);
    if (received.why != 0) {
        return fail(context->failure, STATUS_INCOMPLETE,
                    "%.120s: %s: %llu events were not written", received.file,
                    strerror(received.why),
                    (unsigned long long)received.dropped);
    }
    return status;
}

static enum status run(struct context *context)
{
    const char *file = command_option(context, "analyse");

    if (file != NULL && context->argc > 0) {
        return fail(context->failure, STATUS_USAGE,
                    "record: a FILE to analyse, or a PROGRAM, not both");
    }
    if (file != NULL)
        return analyse_file(context, file);
    if (context->argc == 0) {
        return fail(context->failure, STATUS_USAGE,
                    "record: a program is missing (see --help)");
    }
    return run_program(context);
}

const struct command cmd_record = {
    .name = "record",
    .arguments = "PROGRAM [ARGUMENT...]",
    .summary = "runs a program and records every allocation and free with its "
               "stack, to -o FILE",
    .example = "heapinspect record -o out.rec python3 script.py",
    .flags = COMMAND_NO_TARGET | COMMAND_OWN_FILE | COMMAND_PROGRAM,
    .run = run,
    .options =
        {
            {"analyse", "FILE", "What a recorded FILE says, by stack"},
            {"export", "FORMAT",
             "With --analyse: collapsed or heaptrack, to -o FILE"},
            {"metric", "WHAT",
             "Of collapsed stacks: bytes (default), allocations, temporary, "
             "peak or leaked"},
            {"no-liballoc", NULL,
             "Leave the program the allocator that it has"},
            {"debuginfod", NULL,
             "Missing debug files from the servers of $DEBUGINFOD_URLS"},
        },
};
