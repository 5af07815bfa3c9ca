/* SPDX-License-Identifier: MIT */
/* One answer: its stream (stdout, a pager, a file), its beginning and end. */
#include "render/internal.h"

#include "memory.h"
#include "number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *open_file(const struct output_options *options,
                       struct failure *failure)
{
    int flags =
        O_WRONLY | O_CREAT | O_CLOEXEC | (options->force ? O_TRUNC : O_EXCL);
    int file = open(options->file, flags, 0666);
    FILE *stream = file >= 0 ? fdopen(file, "w") : NULL;

    if (stream == NULL) {
        (void)fail(failure, STATUS_USAGE,
                   errno == EEXIST ? "%s exists; -f overwrites it"
                                   : "%s cannot be written",
                   options->file);
        if (file >= 0)
            (void)close(file);
    }
    return stream;
}

/* The user's pager, told to keep colours; stdout if it cannot be run. */
static FILE *open_pager(struct output *output)
{
    const char *pager = getenv("PAGER"); /* NOLINT(concurrency-mt-unsafe) */
    int ends[2];

    if (output->options.no_pager || pager == NULL || *pager == '\0' ||
        isatty(STDOUT_FILENO) == 0 || pipe2(ends, O_CLOEXEC) != 0)
        return stdout;
    output->pager = fork();
    if (output->pager == 0) {
        (void)dup2(ends[0], STDIN_FILENO);
        (void)setenv("LESS", "FRX", 0); /* NOLINT(concurrency-mt-unsafe) */
        (void)execl("/bin/sh", "sh", "-c", pager, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[0]);
    FILE *stream = output->pager > 0 ? fdopen(ends[1], "w") : NULL;
    return stream != NULL ? stream : stdout;
}

static bool wants_color(const struct output_options *options)
{
    const char *none = getenv("NO_COLOR"); /* NOLINT(concurrency-mt-unsafe) */

    if (options->format != OUTPUT_TEXT || options->color == COLOR_NEVER)
        return false;
    if (options->color == COLOR_ALWAYS)
        return true;
    return (none == NULL || *none == '\0') && options->file == NULL &&
           isatty(STDOUT_FILENO) == 1;
}

/* "pins=10M" */
static bool take_fail_over(struct output *output, const char *text,
                           struct failure *failure)
{
    if (text == NULL)
        return true;
    size_t length = strcspn(text, "=");
    if (length == 0 || length >= sizeof output->fail_key ||
        text[length] != '=' ||
        !parse_number(text + length + 1, &output->fail_most)) {
        (void)fail(failure, STATUS_USAGE, "--fail-over: KEY=SIZE is expected");
        return false;
    }
    memcpy(output->fail_key, text, length);
    return true;
}

static enum status judge_fail_over(const struct output *output,
                                   enum status status)
{
    if (output->fail_key[0] == '\0' || status > STATUS_FINDING)
        return status;
    if (!output->fail_seen) {
        (void)fprintf(stderr, "heapinspect: --fail-over: no figure \"%s\"\n",
                      output->fail_key);
        return STATUS_USAGE;
    }
    return output->fail_sum > output->fail_most ? STATUS_FINDING : status;
}

struct output *output_begin(const struct output_options *options,
                            const struct envelope *envelope,
                            struct failure *failure)
{
    struct output *output = xcalloc(1, sizeof *output);

    if (!take_fail_over(output, options->fail_over, failure)) {
        free(output);
        return NULL;
    }
    output->options = *options;
    output->envelope = *envelope;
    output->color = wants_color(options);
    if (getrandom(&output->hash_key, sizeof output->hash_key, 0) !=
        (ssize_t)sizeof output->hash_key)
        output->hash_key = (uintptr_t)output;
    if (options->file != NULL) {
        output->stream = open_file(options, failure);
    } else if (options->format == OUTPUT_TEXT) {
        output->stream = open_pager(output);
    } else {
        output->stream = stdout;
    }
    if (output->stream == NULL) {
        free(output);
        return NULL;
    }
    return output;
}

void output_count(struct output *output, const char *key, enum column_type type,
                  const struct value *value)
{
    bool counts = type == COLUMN_COUNT || type == COLUMN_BYTES;

    if (!counts || value->unknown || strcmp(key, output->fail_key) != 0)
        return;
    output->fail_seen = true;
    output->fail_sum += value->number;
}

void output_consistency(struct output *output,
                        const struct consistency *consistency)
{
    output->consistency = *consistency;
    output->consistency.known = true;
}

void output_no_consistency(struct output *output)
{
    output->consistency.known = false;
}

void output_advise(struct output *output, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (output->nadvice < ADVICE_MAX)
        output->advice[output->nadvice++] = xstrdup(text);
}

size_t output_limit(const struct output *output, size_t limit)
{
    const struct output_options *options = &output->options;

    limit = options->has_limit ? options->limit : limit;
    return limit != 0 ? limit : SIZE_MAX;
}

void output_default_limit(struct output *output, size_t limit)
{
    output->default_limit = limit;
}

FILE *output_stream(struct output *output)
{
    return output->stream;
}

const char *output_file(const struct output *output)
{
    return output->options.file;
}

bool output_is_text(const struct output *output)
{
    return output->options.format == OUTPUT_TEXT;
}

bool output_wants_rows(const struct output *output)
{
    const struct output_options *options = &output->options;

    return options->columns != NULL || options->sort != NULL ||
           options->filter != NULL || options->no_headers;
}

bool output_has_color(const struct output *output)
{
    return output->color;
}

bool output_hashes_addresses(const struct output *output)
{
    return output->options.hash_addresses;
}

/* The advice, then a line that begins with '#'. */
static void text_close(struct output *output, double stop_ms)
{
    const struct consistency *seen = &output->consistency;
    FILE *stream = output->stream;

    for (size_t i = 0; i < output->nadvice; i++) {
        (void)fprintf(stream, "%s* %s\n", i == 0 ? "\n" : "",
                      output->advice[i]);
    }
    if (!seen->known || output->options.no_headers)
        return;
    (void)fprintf(stream, "# %s %s", output->envelope.kind,
                  output->envelope.target);
    if (strcmp(output->envelope.kind, "process") == 0) {
        (void)fprintf(stream, ", mode %s", output->envelope.mode);
        if (stop_ms > 0)
            (void)fprintf(stream, ", stopped for %.1f ms", stop_ms);
    }
    if (seen->torn == 0 && seen->unverified == 0) {
        (void)fputs(", consistent\n", stream);
    } else {
        (void)fprintf(stream,
                      ", %zu structures torn after %zu retries, "
                      "%zu objects or pages unverified\n",
                      seen->torn, seen->retries, seen->unverified);
    }
}

static bool close_stream(struct output *output)
{
    bool fine = ferror(output->stream) == 0;

    if (output->stream == stdout)
        return fflush(stdout) == 0 && fine;
    fine = fclose(output->stream) == 0 && fine;
    if (output->pager > 0) {
        while (waitpid(output->pager, NULL, 0) < 0 && errno == EINTR)
            continue;
        return true; /* who leaves a pager early has seen enough */
    }
    return fine;
}

enum status output_end(struct output *output, enum status status,
                       double stop_ms, const char *const *warnings,
                       size_t nwarnings)
{
    enum output_format format = output->options.format;
    bool silent = output->parts == 0 && status > STATUS_FINDING;

    if (output->status > status)
        status = output->status;
    status = judge_fail_over(output, status);
    if (format == OUTPUT_JSON && !silent) {
        json_close(output, stop_ms, warnings, nwarnings);
    } else if (format == OUTPUT_JSONL && !silent) {
        jsonl_close(output, stop_ms, warnings, nwarnings);
    } else if (format == OUTPUT_TEXT && !silent) {
        text_close(output, stop_ms);
    }
    if (!close_stream(output)) {
        (void)fprintf(stderr, "heapinspect: not all could be written: %s\n",
                      strerror(errno)); /* NOLINT(concurrency-mt-unsafe) */
        status = STATUS_INCOMPLETE;
    }
    for (size_t i = 0; i < nwarnings && format != OUTPUT_JSON; i++)
        (void)fprintf(stderr, "heapinspect: warning: %s\n", warnings[i]);
    for (size_t i = 0; i < output->nadvice; i++)
        free(output->advice[i]);
    free(output);
    return status;
}
