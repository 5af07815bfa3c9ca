/* SPDX-License-Identifier: MIT */
/*
 * snap --every, --on-rss, --on-memory-high: waits, looks at what asks for a
 * snapshot, and takes it before the process is killed for its size.
 */
#include "cmd/snap.h"

#include "number.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,        /* between looks */
    PAUSE_MS = 60 * 1000, /* between snapshots that were triggered */
    COUNT_TRIGGERED = 10,
    GROWTH_PARTS = 10,     /* RSS grew by this part: worth another one */
    STALL_US = 150 * 1000, /* waits for memory within a second: pressure */
    NUMBER_MAX = 9999,
};

static const struct column columns[] = {
    {"FILE", "file", COLUMN_TEXT, false, "the snapshot"},
    {"WHY", "why", COLUMN_TEXT, false, "every, rss, memory.high or pressure"},
    {"AFTER", "after", COLUMN_MS, false, "the series began"},
    {"RSS", "rss", COLUMN_BYTES, false, "of the process"},
    {"ON_DISK", "on_disk", COLUMN_BYTES, false, "what the file takes"},
    {"STOPPED", "stopped", COLUMN_MS, false, "the process stood, in all"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

struct series {
    struct context *context;
    const char *prefix;
    double every_ms; /* 0: only when triggered */
    double pause_ms;
    uint64_t rss_bound;       /* 0: none */
    char events[SNAP_PATH];   /* memory.events of its cgroup; "" */
    char pressure[SNAP_PATH]; /* PSI; "" */
    uint64_t most;            /* snapshots; 0: no bound */
    uint64_t taken;
    unsigned number; /* of the last file */

    double began_ms;
    double last_ms;    /* of the last snapshot; < 0: none yet */
    uint64_t last_rss; /* then */
    uint64_t highs;    /* memory.high was passed, at the last look */
    uint64_t stall_us; /* PSI's total, a second ago */
    double stall_ms;   /* when that was */
    struct table *table;
};

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
    (void)number;
    asked_to_end = 1;
}

static double clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* "500ms", "60s", "5m", "1h"; a number alone is seconds. */
static bool parse_time(const char *text, double *ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"", 1e3}, {"m", 6e4}, {"h", 36e5}};
    char *end;
    double number = strtod(text, &end);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (end != text && strcmp(end, units[i].unit) == 0) {
            *ms = number * units[i].ms;
            return *ms >= LOOK_MS && *ms < 1e12;
        }
    }
    return false;
}

/* A number of a small file: behind `key`, or (NULL) the second word. */
static bool read_number(const char *path, const char *key, uint64_t *number)
{
    char text[1024];
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return false;
    size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    const char *at = key != NULL ? strstr(text, key) : strchr(text, ' ');
    if (at == NULL)
        return false;
    *number = strtoull(at + (key != NULL ? strlen(key) : 1), NULL, 10);
    return true;
}

static uint64_t rss_of(const struct series *series)
{
    char path[64];
    uint64_t pages = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/statm",
                   (int)target_pid(series->context->target));
    (void)read_number(path, NULL, &pages);
    return pages * target_page_size(series->context->target);
}

/* The cgroup v2 of the process; false: it has none with memory.events. */
static bool find_cgroup(struct series *series)
{
    const char *text = target_proc(series->context->target, "cgroup");
    const char *at = text != NULL ? strstr(text, "0::/") : NULL;
    uint64_t highs;

    if (at == NULL || (at != text && at[-1] != '\n'))
        return false;
    (void)snprintf(series->events, sizeof series->events,
                   "/sys/fs/cgroup%.*s/memory.events",
                   (int)strcspn(at + 3, "\n"), at + 3);
    if (read_number(series->events, "high ", &highs)) {
        series->highs = highs;
        return true;
    }
    series->events[0] = '\0';
    return false;
}

static enum status find_trigger(struct series *series)
{
    static const char pressure[] = "/proc/pressure/memory";

    if (find_cgroup(series))
        return STATUS_FINE;
    if (!read_number(pressure, "total=", &series->stall_us)) {
        return fail(series->context->failure, STATUS_INCOMPLETE,
                    "--on-memory-high: there is neither memory.events (cgroup "
                    "v2) for this process nor %s; --on-rss needs neither",
                    pressure);
    }
    memcpy(series->pressure, pressure, sizeof pressure);
    series->stall_ms = clock_ms();
    target_warn(series->context->target,
                "no memory.events (cgroup v2) for this process: %s of the "
                "whole machine is watched instead",
                pressure);
    return STATUS_FINE;
}

static enum status take_options(struct series *series)
{
    struct context *context = series->context;
    const char *every = command_option(context, "every");
    const char *rss = command_option(context, "on-rss");
    const char *count = command_option(context, "count");
    bool high = command_option(context, "on-memory-high") != NULL;
    double ms = PAUSE_MS;

    if (every != NULL && !parse_time(every, &ms)) {
        return fail(context->failure, STATUS_USAGE,
                    "--every is a time from 100ms on: 60s, 5m, 1h");
    }
    if (rss != NULL &&
        (!parse_number(rss, &series->rss_bound) || series->rss_bound == 0)) {
        return fail(context->failure, STATUS_USAGE, "--on-rss is a size: 8G");
    }
    series->pause_ms = ms;
    series->every_ms = rss == NULL && !high ? ms : 0;
    series->most = series->every_ms > 0 ? 0 : COUNT_TRIGGERED;
    if (count != NULL && !parse_number(count, &series->most))
        return fail(context->failure, STATUS_USAGE, "--count is a number");
    if (target_kind(context->target) != TARGET_PROCESS) {
        return fail(context->failure, STATUS_USAGE,
                    "a series needs a process, not a file");
    }
    return high ? find_trigger(series) : STATUS_FINE;
}

static bool passed_high(struct series *series)
{
    uint64_t highs;

    if (series->events[0] == '\0' ||
        !read_number(series->events, "high ", &highs))
        return false;
    bool more = highs > series->highs;
    series->highs = highs;
    return more;
}

static bool is_stalled(struct series *series, double now)
{
    uint64_t stall_us;

    if (series->pressure[0] == '\0' || now - series->stall_ms < 1e3 ||
        !read_number(series->pressure, "total=", &stall_us))
        return false;
    bool stalled = stall_us - series->stall_us > STALL_US;
    series->stall_us = stall_us;
    series->stall_ms = now;
    return stalled;
}

/* Why a snapshot is due now; NULL: none is. */
static const char *due(struct series *series)
{
    double now = clock_ms();
    uint64_t rss = series->rss_bound != 0 ? rss_of(series) : 0;
    bool first = series->last_ms < 0;
    bool high = passed_high(series);
    bool stalled = is_stalled(series, now);

    if (!first &&
        now - series->last_ms <
            (series->every_ms > 0 ? series->every_ms : series->pause_ms))
        return NULL;
    if (series->every_ms > 0)
        return "every";
    if (high || stalled)
        return high ? "memory.high" : "pressure";
    if (series->rss_bound != 0 && rss >= series->rss_bound &&
        (first || rss >= series->last_rss + series->last_rss / GROWTH_PARTS))
        return "rss";
    return NULL;
}

/* The next name that no file has. */
static bool next_path(struct series *series, char path[SNAP_PATH])
{
    while (series->number < NUMBER_MAX) {
        int length = snprintf(path, SNAP_PATH, "%.480s.%04u.heap",
                              series->prefix, ++series->number);
        if (length < SNAP_PATH && access(path, F_OK) != 0)
            return true;
    }
    return false;
}

static enum status take(struct series *series,
                        const struct snapshot_request *request, const char *why)
{
    struct context *context = series->context;
    struct snapshot_request next = *request;
    struct snapshot_result result = {0};
    char path[SNAP_PATH];
    uint64_t rss = rss_of(series);

    if (!next_path(series, path)) {
        return fail(context->failure, STATUS_USAGE, "%.180s: no number is left",
                    series->prefix);
    }
    next.path = path;
    next.force = false;
    series->last_ms = clock_ms();
    series->last_rss = rss;
    enum status status = snap_take(context, &next, &result);
    if (status != STATUS_FINE && status != STATUS_INCOMPLETE)
        return status;
    if (context->failure->text[0] != '\0')
        return context->failure->status;
    series->taken++;
    if (isatty(STDERR_FILENO) == 1)
        (void)fprintf(stderr, "heapinspect: %s (%s)\n", path, why);
    const struct value values[NCOLUMNS] = {
        value_text(path),
        value_text(why),
        value_ratio(series->last_ms - series->began_ms),
        value_number(rss),
        value_number(result.on_disk),
        value_ratio(target_stop_ms(context->target)),
    };
    return table_row(series->table, values) ? STATUS_FINE : STATUS_FINDING;
}

static void sleep_until_look(const struct series *series)
{
    double ms = LOOK_MS;

    if (series->every_ms > 0 && series->last_ms >= 0)
        ms = series->last_ms + series->every_ms - clock_ms();
    if (ms < 1)
        ms = 1;
    const struct timespec pause = {
        .tv_sec = (time_t)(ms / 1e3),
        .tv_nsec = (long)((ms - 1e3 * (double)(time_t)(ms / 1e3)) * 1e6)};
    (void)nanosleep(&pause, NULL);
}

/* Until the end; the process's own is none of ours. */
static enum status watch(struct series *series,
                         const struct snapshot_request *request)
{
    struct context *context = series->context;
    struct failure ended;

    while (asked_to_end == 0 &&
           (series->most == 0 || series->taken < series->most)) {
        if (series->taken > 0 && !target_refresh(context->target, &ended))
            break;
        const char *why = due(series);
        if (why != NULL) {
            enum status status = take(series, request, why);
            if (status != STATUS_FINE)
                return status;
            continue;
        }
        if (kill(target_pid(context->target), 0) != 0)
            break;
        sleep_until_look(series);
    }
    return STATUS_FINE;
}

bool snap_is_series(const struct context *context)
{
    return command_option(context, "every") != NULL ||
           command_option(context, "on-rss") != NULL ||
           command_option(context, "on-memory-high") != NULL;
}

enum status snap_series(struct context *context,
                        const struct snapshot_request *request,
                        const char *prefix)
{
    const struct sigaction action = {.sa_handler = on_signal};
    struct series series = {
        .context = context, .prefix = prefix, .last_ms = -1};
    enum status status = take_options(&series);

    if (status != STATUS_FINE)
        return status;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    series.began_ms = clock_ms();
    series.table = table_begin(context->output, "series", columns, NCOLUMNS);
    status = watch(&series, request);
    enum status shown = table_end(series.table);
    if (series.taken == 0 && status == STATUS_FINE) {
        target_warn(context->target,
                    "no snapshot was due before the process ended");
    }
    return status == STATUS_FINE || status == STATUS_FINDING ? shown : status;
}
