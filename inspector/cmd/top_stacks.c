/* SPDX-License-Identifier: MIT */
/*
 * The view of top that tells who is growing now: what each stack allocates a
 * second, and what it holds more than a minute ago.
 */
#include "cmd/top.h"
#include "memory.h"
#include "prof/stack.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    GROWTH_MS = 60000,
    STEP_MS = GROWTH_MS / TOP_LOOKS + 1, /* between two looks that are kept */
    STACK_ROWS = 256,                    /* named and drawn at most */
    WIDTH = 10,
};

struct stack_row {
    size_t stack;
    double values[TOP_STACK_COLUMNS];
};

static const struct {
    const char *name;
    bool is_bytes;
} columns[TOP_STACK_COLUMNS] = {
    {"grew", true},
    {"bytes/s", true},
    {"allocs/s", false},
    {"live", true},
};

static unsigned sort_column;
static bool sort_ascending;

static int by_column(const void *left, const void *right)
{
    double a = ((const struct stack_row *)left)->values[sort_column];
    double b = ((const struct stack_row *)right)->values[sort_column];
    int order = (a < b) - (a > b);

    return sort_ascending ? -order : order;
}

/* Live bytes by stack, every few seconds: what growth is measured from. */
void top_remember(struct top *top)
{
    const struct sample *now = &top->now;
    struct top_look *last =
        top->nlooks > 0 ? &top->looks[top->nlooks - 1] : NULL;

    if (now->profile == NULL ||
        (last != NULL && now->time_ms - last->time_ms < STEP_MS))
        return;
    if (top->nlooks == TOP_LOOKS) {
        free(top->looks[0].live);
        for (unsigned i = 1; i < TOP_LOOKS; i++)
            top->looks[i - 1] = top->looks[i];
        top->nlooks--;
    }
    struct top_look *look = &top->looks[top->nlooks++];
    look->time_ms = now->time_ms;
    look->count = now->profile->nstacks;
    look->live = xcalloc(look->count, sizeof *look->live);
    for (size_t i = 0; i < look->count; i++)
        look->live[i] = now->stacks[i].value[METRIC_LIVE_BYTES];
}

void top_forget(struct top *top)
{
    for (unsigned i = 0; i < top->nlooks; i++)
        free(top->looks[i].live);
    top->nlooks = 0;
    symbols_end(top->symbols);
    top->symbols = NULL;
}

/* The oldest look of the last minute. */
static const struct top_look *look_before(const struct top *top)
{
    for (unsigned i = 0; i < top->nlooks; i++) {
        if (top->now.time_ms - top->looks[i].time_ms <= GROWTH_MS + STEP_MS)
            return &top->looks[i];
    }
    return NULL;
}

static void take_row(const struct top *top, const struct top_look *before,
                     size_t stack, struct stack_row *row)
{
    const struct sample *old = &top->before;
    const uint64_t *value = top->now.stacks[stack].value;
    bool known = old->profile != NULL && stack < old->profile->nstacks;
    uint64_t live = value[METRIC_LIVE_BYTES];
    uint64_t then =
        before != NULL && stack < before->count ? before->live[stack] : 0;

    row->stack = stack;
    row->values[0] = (double)live - (double)then;
    row->values[1] =
        top_change(top, value[METRIC_ALLOC_BYTES],
                   known ? old->stacks[stack].value[METRIC_ALLOC_BYTES] : 0);
    row->values[2] =
        top_change(top, value[METRIC_ALLOC_OBJECTS],
                   known ? old->stacks[stack].value[METRIC_ALLOC_OBJECTS] : 0);
    row->values[3] = (double)live;
}

static void draw_row(struct top *top, const struct stack_row *row)
{
    static struct named_stack named;
    static char stack[STACK_TEXT];
    char line[8 * WIDTH] = "";
    int used = 0;
    int left = (int)tui_width(top->tui) - TOP_STACK_COLUMNS * WIDTH - 1;

    for (unsigned c = 0; c < TOP_STACK_COLUMNS; c++) {
        double value = row->values[c];
        char text[TOP_TEXT];
        char number[TOP_TEXT];
        uint64_t size = (uint64_t)(value < 0 ? -value : value);
        if (columns[c].is_bytes) {
            (void)top_brief(top, size, number);
        } else {
            (void)snprintf(number, sizeof number, "%llu",
                           (unsigned long long)size);
        }
        (void)snprintf(text, sizeof text, "%s%.*s",
                       value < 0              ? "-"
                       : c == 0 && value >= 1 ? "+"
                                              : "",
                       TOP_TEXT - 2, number);
        used += snprintf(line + used, sizeof line - (size_t)used, "%*s", WIDTH,
                         text);
    }
    stack_name(top->now.profile, top->symbols, row->stack, &named);
    (void)stack_text(&named, STACK_SYMBOLS, stack);
    tui_line(top->tui, TUI_PLAIN, "%s %.*s", line, left > 0 ? left : 0, stack);
}

static void draw_head(struct top *top, const struct top_look *before)
{
    char line[12 * WIDTH] = "";
    char name[4 * WIDTH];
    int used = 0;
    double seconds =
        before != NULL ? (top->now.time_ms - before->time_ms) / 1000 : 0;

    for (unsigned c = 0; c < TOP_STACK_COLUMNS; c++) {
        const char *mark = c != sort_column ? "" : sort_ascending ? "^" : "*";
        if (c == 0) {
            (void)snprintf(name, sizeof name, "%s%s/%.0fs", mark,
                           columns[c].name, seconds);
        } else {
            (void)snprintf(name, sizeof name, "%s%s", mark, columns[c].name);
        }
        used += snprintf(line + used, sizeof line - (size_t)used, "%*s", WIDTH,
                         name);
    }
    tui_line(top->tui, TUI_HEAD, "%s stack", line);
}

void top_draw_stacks(struct top *top)
{
    const struct profile *profile = top->now.profile;
    const struct top_look *before = look_before(top);
    struct target *target = top->context->target;

    if (profile == NULL) {
        tui_line(top->tui, TUI_PLAIN,
                 "no profile: LIBALLOC_CONF=prof:1, or heapinspect prof %d on",
                 (int)target_pid(target));
        return;
    }
    if (top->symbols == NULL || !symbols_are_current(top->symbols)) {
        symbols_end(top->symbols);
        top->symbols = symbols_begin(target, false);
    }
    struct stack_row *rows = xcalloc(profile->nstacks, sizeof *rows);
    size_t count = 0;
    for (size_t i = 0; i < profile->nstacks; i++) {
        if (top->now.stacks[i].samples > 0)
            take_row(top, before, i, &rows[count++]);
    }
    sort_column = (unsigned)(top->sort[TOP_STACKS] % TOP_STACK_COLUMNS);
    sort_ascending = top->ascending;
    if (count > 1)
        qsort(rows, count, sizeof *rows, by_column);
    draw_head(top, before);
    for (size_t i = 0; i < count && i < STACK_ROWS && tui_left(top->tui) > 0;
         i++)
        draw_row(top, &rows[i]);
    free(rows);
}
