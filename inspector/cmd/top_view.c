/* SPDX-License-Identifier: MIT */
/* Frames of top: figures above, one of the views below; the page map. */
#include "cmd/top.h"
#include "memory.h"
#include "render/palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FIGURE_WIDTH = 10,
};

const char *top_brief(const struct top *top, uint64_t bytes,
                      char text[TOP_TEXT])
{
    char whole[TOP_TEXT];

    (void)output_bytes(top->context->output, bytes, whole, sizeof whole);
    size_t digits = strcspn(whole, ". ");
    const char *unit = strchr(whole, ' ');
    if (digits < 3 && whole[digits] == '.')
        digits = strcspn(whole, " ");
    (void)snprintf(text, TOP_TEXT, "%.*s%.1s", (int)digits, whole,
                   unit != NULL && unit[1] != 'B' ? unit + 1 : "");
    return text;
}

const char *top_rate(const struct top *top, double change, bool is_bytes,
                     char text[TOP_TEXT])
{
    char number[TOP_TEXT];
    uint64_t size = (uint64_t)(change < 0 ? -change : change);

    if (size == 0) {
        text[0] = '\0';
        return text;
    }
    if (is_bytes) {
        (void)top_brief(top, size, number);
    } else {
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)size);
    }
    (void)snprintf(text, TOP_TEXT, "%c%.*s/s", change < 0 ? '-' : '+',
                   TOP_TEXT - 4, number);
    return text;
}

double top_change(const struct top *top, size_t now, size_t before)
{
    double seconds = (top->now.time_ms - top->before.time_ms) / 1000;

    if (top->before.model == NULL || seconds <= 0)
        return 0;
    return ((double)now - (double)before) / seconds;
}

static void draw_title(struct top *top)
{
    const struct target *target = top->context->target;
    const struct model *model = top->now.model;
    char clock[16] = "";
    char state[64] = "";
    time_t now = time(NULL);
    struct tm tm;

    if (localtime_r(&now, &tm) != NULL)
        (void)strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    if (model->torn_heaps + model->torn_zones > 0) {
        (void)snprintf(state, sizeof state, "  %u torn",
                       model->torn_heaps + model->torn_zones);
    }
    tui_line(top->tui, TUI_STRONG, "%s (pid %d)  %s  %s%s%s",
             target_program(target), (int)target_pid(target), clock,
             target_mode(target) == MODE_STOP ? "stop" : "peek", state,
             top->frozen ? "  FROZEN" : "");
}

static void draw_figures(struct top *top)
{
    static const char *const names[NFIGURES] = {
        "rss", "heap", "live", "cached", "unused", "objects", "slabs", "faults",
    };
    char head[NFIGURES * FIGURE_WIDTH + 1];
    char values[sizeof head];
    char rates[sizeof head];
    char text[TOP_TEXT];

    for (unsigned i = 0; i < NFIGURES; i++) {
        bool is_bytes = i < FIGURE_OBJECTS;
        size_t at = (size_t)i * FIGURE_WIDTH;
        size_t value = top->now.figures[i];
        if (is_bytes) {
            (void)top_brief(top, value, text);
        } else {
            (void)snprintf(text, sizeof text, "%zu", value);
        }
        (void)snprintf(head + at, sizeof head - at, "%*s", FIGURE_WIDTH,
                       names[i]);
        (void)snprintf(values + at, sizeof values - at, "%*.*s", FIGURE_WIDTH,
                       FIGURE_WIDTH, text);
        (void)top_rate(top, top_change(top, value, top->before.figures[i]),
                       is_bytes, text);
        (void)snprintf(rates + at, sizeof rates - at, "%*.*s", FIGURE_WIDTH,
                       FIGURE_WIDTH, text);
    }
    tui_line(top->tui, TUI_DIM, "%s", head);
    tui_line(top->tui, TUI_PLAIN, "%s", values);
    tui_line(top->tui, TUI_DIM, "%s", rates);
}

/* What the pages are, and how much of the free ones is memory. */
static void draw_pages(struct top *top)
{
    static const enum block_kind kinds[] = {
        BLOCK_SLAB, BLOCK_SEGMENT, BLOCK_RUN,   BLOCK_MMAP,
        BLOCK_FREE, BLOCK_LISTED,  BLOCK_CACHE, BLOCK_GUARDED,
    };
    const struct usage *usage = top->now.usage;
    char line[256] = "pages:";
    char text[TOP_TEXT];

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t used = strlen(line);
        size_t bytes = usage->bytes[kinds[i]];
        if (bytes == 0)
            continue;
        (void)snprintf(line + used, sizeof line - used, "  %s %s",
                       block_kind_names[kinds[i]], top_brief(top, bytes, text));
        if (kinds[i] != BLOCK_FREE)
            continue;
        used = strlen(line);
        (void)snprintf(line + used, sizeof line - used, " (%s given back)",
                       top_brief(top, usage->clean, text));
    }
    tui_line(top->tui, TUI_PLAIN, "%s", line);
}

static void shade(const struct stretch *stretch, size_t from, size_t scale,
                  uint8_t *shades, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        struct cell_sum sum = {0};
        size_t at = from + i * scale;
        if (at < stretch->count) {
            size_t left = stretch->count - at;
            cells_add(&sum, stretch->cells + at, left < scale ? left : scale);
        }
        shades[i] = (uint8_t)cells_level(&sum);
    }
}

/* A stretch in so many lines at most. */
static void draw_stretch(struct top *top, const struct stretch *stretch,
                         size_t lines)
{
    size_t width = tui_width(top->tui) - 15;
    size_t halves = tui_has_halves(top->tui) ? 2 : 1;
    size_t scale = 1;
    uint8_t *upper = xcalloc(2, width);

    while ((stretch->count + scale - 1) / scale > width * lines * halves)
        scale *= 2;
    for (size_t from = 0; from < stretch->count;
         from += width * scale * halves) {
        char address[32];
        char label[40];
        uint8_t *lower = upper + width;
        shade(stretch, from, scale, upper, width);
        shade(stretch, from + width * scale, scale, lower, width);
        (void)output_address(top->context->output,
                             stretch->start + from * CELL_BYTES, address,
                             sizeof address);
        (void)snprintf(label, sizeof label, "%14s ", address);
        tui_shades(top->tui, label, upper, halves == 2 ? lower : NULL, width);
    }
    free(upper);
}

/* The stretches with most memory, by address. */
static void draw_map(struct top *top)
{
    const struct picture *picture = top->now.picture;
    size_t shown = 0;
    size_t all = tui_left(top->tui);
    size_t lines = all > 2 ? all - 2 : 1;
    char text[TOP_TEXT];

    if (tui_width(top->tui) < 32)
        return;
    tui_line(top->tui, TUI_HEAD,
             "%s resident; orange (0) unused .. blue (#) used, grey (.) none",
             top_brief(top, picture->sum.resident, text));
    for (size_t i = 0; i < picture->count; i++) {
        const struct stretch *stretch = &picture->stretches[i];
        size_t share =
            stretch->count * lines * CELL_BYTES / (picture->sum.bytes + 1);
        if (share == 0 && picture->count > lines && shown++ >= lines / 2)
            continue;
        draw_stretch(top, stretch, share > 0 ? share : 1);
    }
}

static void draw_help(struct top *top)
{
    static const char *const lines[] = {
        "t threads   c size classes   w who: stacks of a profile   m page map",
        "l timeline: resident of the heap since the first look",
        "s next column to sort by           r the other way round",
        "space freeze   + - interval        q quit",
        "",
        "rss      memory of the process     heap    of it, the allocator's",
        "live     in the program's hands    cached  free, in threads' caches",
        "unused   heap - live: free in slabs, arenas and pages, but resident",
        "objects  live ones of slabs        faults  of pages, and a second",
        "",
        "Much unused that stays: heapinspect frag and pins say why.",
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        tui_line(top->tui, TUI_PLAIN, "%s", lines[i]);
}

void top_draw(struct top *top)
{
    tui_clear(top->tui);
    draw_title(top);
    draw_figures(top);
    draw_pages(top);
    tui_line(top->tui, TUI_PLAIN, "%s", "");
    switch (top->view) {
    case TOP_THREADS:
        top_draw_threads(top);
        break;
    case TOP_CLASSES:
        top_draw_classes(top);
        break;
    case TOP_STACKS:
        top_draw_stacks(top);
        break;
    case TOP_MAP:
        draw_map(top);
        break;
    case TOP_TIME:
        top_draw_time(top);
        break;
    case TOP_HELP:
        draw_help(top);
        break;
    }
    tui_foot(top->tui, "? help  t threads  c classes  w who  m map  l time"
                       "  s sort  space hold  q quit");
    tui_show(top->tui);
}
