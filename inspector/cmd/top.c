/* SPDX-License-Identifier: MIT */
/* top: a live view of one heap. */
#include "cmd/top.h"

#include "number.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct column columns[] = {
    {"SECONDS", "seconds", COLUMN_COUNT, false, "since the first look"},
    {"RSS", "rss", COLUMN_BYTES, false, "of the process"},
    {"HEAP", "heap", COLUMN_BYTES, false, "of it, the allocator's"},
    {"LIVE", "live", COLUMN_BYTES, false, "in the program's hands"},
    {"CACHED", "cached", COLUMN_BYTES, false, "free, in threads' caches"},
    {"UNUSED", "unused", COLUMN_BYTES, false, "resident, but not live"},
    {"OBJECTS", "objects", COLUMN_COUNT, false, "live ones of slabs"},
    {"SLABS", "slabs", COLUMN_COUNT, false, "32 KiB each"},
    {"FAULTS", "faults", COLUMN_COUNT, false, "of pages, so far"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };
_Static_assert((int)NCOLUMNS == (int)NFIGURES + 1, "time and each figure");

enum {
    INTERVAL_LEAST_MS = 100,
    INTERVAL_MOST_MS = 60000,
};

/* A number of seconds, as "0.5"; false: it is none. */
static bool parse_seconds(const char *text, double *ms)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end != '\0' || !(seconds >= 0.05 && seconds <= 3600))
        return false;
    *ms = seconds * 1000;
    return true;
}

/* What is read anew takes the place of what was. */
static bool look(struct top *top)
{
    struct sample sample;

    if (!sample_take(top->context->target, &sample, top->context->failure)) {
        sample_free(&sample);
        return false;
    }
    sample_free(&top->before);
    top->before = top->now;
    top->now = sample;
    top_remember(top);
    top_note(top);
    return true;
}

static void change_interval(struct top *top, double factor)
{
    double ms = top->interval_ms * factor;

    ms = ms < INTERVAL_LEAST_MS ? INTERVAL_LEAST_MS : ms;
    top->interval_ms = ms > INTERVAL_MOST_MS ? INTERVAL_MOST_MS : ms;
}

/* False: the user has had enough. */
static bool obey(struct top *top, int key)
{
    static const char views[] = {
        [TOP_THREADS] = 't', [TOP_CLASSES] = 'c', [TOP_STACKS] = 'w',
        [TOP_MAP] = 'm',     [TOP_TIME] = 'l',    [TOP_HELP] = '?',
    };

    for (unsigned view = 0; view < sizeof views; view++) {
        if (key != views[view])
            continue;
        bool again = view == TOP_HELP && top->view == TOP_HELP;
        top->view = again ? TOP_THREADS : (enum top_view)view;
    }
    if (key == ' ') {
        top->frozen = !top->frozen;
    } else if (key == 's') {
        top_sort_next(top);
    } else if (key == 'r') {
        top->ascending = !top->ascending;
    } else if (key == '+') {
        change_interval(top, 2);
    } else if (key == '-') {
        change_interval(top, 0.5);
    }
    return key != 'q' && key != TUI_CLOSED;
}

static double clock_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Until the next look is due; keys are obeyed meanwhile. */
static bool wait_for_keys(struct top *top)
{
    double until = top->now.time_ms + top->interval_ms;

    for (;;) {
        double left = top->frozen ? top->interval_ms : until - clock_ms();
        int key = tui_key(top->tui, left > 0 ? left : 0);
        if (key == TUI_TICK && !top->frozen)
            return true;
        if (!obey(top, key))
            return false;
        if (key != TUI_TICK)
            top_draw(top);
        if (!top->frozen && clock_ms() >= until)
            return true;
    }
}

static enum status run_screen(struct top *top, bool batch, uint64_t iterations)
{
    top->tui = tui_begin(top->context->output, batch);
    if (top->tui == NULL) {
        return fail(top->context->failure, STATUS_USAGE,
                    "top: TERM names no terminal that is known; --batch needs "
                    "none");
    }
    enum status status = STATUS_FINE;
    for (uint64_t i = 1;; i++) {
        if (!look(top)) {
            status = top->context->failure->status;
            break;
        }
        top_draw(top);
        if (i == iterations || !wait_for_keys(top))
            break;
    }
    tui_end(top->tui);
    return status;
}

/* JSON and CSV: a row a look. */
static enum status run_rows(struct top *top, uint64_t iterations)
{
    struct table *table =
        table_begin(top->context->output, "top", columns, NCOLUMNS);
    double start = clock_ms();
    bool more = table != NULL;

    for (uint64_t i = 1; more; i++) {
        struct value values[NCOLUMNS];
        if (!look(top)) {
            (void)table_end(table);
            return top->context->failure->status;
        }
        values[0] = value_number((uint64_t)((top->now.time_ms - start) / 1000));
        for (unsigned f = 0; f < NFIGURES; f++)
            values[f + 1] = value_number(top->now.figures[f]);
        more = table_row(table, values) && i != iterations;
        (void)fflush(output_stream(top->context->output));
        if (more)
            (void)usleep((useconds_t)(top->interval_ms * 1000));
    }
    return table_end(table);
}

static enum status parse_options(struct context *context, struct top *top,
                                 uint64_t *iterations)
{
    const char *interval = command_option(context, "interval");
    const char *count = command_option(context, "iterations");
    const char *view = command_option(context, "view");
    static const char *const views[] = {
        [TOP_THREADS] = "threads", [TOP_CLASSES] = "classes",
        [TOP_STACKS] = "stacks",   [TOP_MAP] = "map",
        [TOP_TIME] = "time",
    };

    if (interval != NULL && !parse_seconds(interval, &top->interval_ms)) {
        return fail(context->failure, STATUS_USAGE,
                    "--interval: \"%s\" is no number of seconds", interval);
    }
    for (unsigned i = 0; i < TOP_HELP && view != NULL; i++) {
        if (strcmp(view, views[i]) == 0) {
            top->view = (enum top_view)i;
            view = NULL;
        }
    }
    if (view != NULL) {
        return fail(context->failure, STATUS_USAGE,
                    "--view is threads, classes, stacks, map or time");
    }
    if (count != NULL && (!parse_number(count, iterations) || !*iterations)) {
        return fail(context->failure, STATUS_USAGE,
                    "--iterations: \"%s\" is no count", count);
    }
    return STATUS_FINE;
}

static enum status run(struct context *context)
{
    struct top top = {.context = context, .interval_ms = 1000};
    uint64_t iterations = 0;
    bool live = target_kind(context->target) == TARGET_PROCESS;
    bool batch = command_option(context, "batch") != NULL;
    enum status status = parse_options(context, &top, &iterations);

    if (status != STATUS_FINE)
        return status;
    batch = batch || isatty(STDOUT_FILENO) != 1 || isatty(STDIN_FILENO) != 1;
    /* A file does not change. */
    if (!live && iterations == 0 && batch)
        iterations = 1;
    if (output_is_text(context->output)) {
        status = run_screen(&top, batch, iterations);
    } else {
        status = run_rows(&top, iterations);
    }
    top_forget(&top);
    sample_free(&top.before);
    sample_free(&top.now);
    return status;
}

const struct command cmd_top = {
    .name = "top",
    .arguments = "TARGET",
    .summary = "a live view: figures and their rates, threads, size classes, "
               "stacks, the page map, a timeline",
    .example = "heapinspect top redis-server",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options =
        {
            {"interval", "SECONDS", "Between two looks; default 1"},
            {"iterations", "N", "Ends after N looks"},
            {"view", "VIEW",
             "Begins with threads, classes, stacks, map or time"},
            {"batch", NULL, "Lines for scripts; so too if not on a terminal"},
        },
};
