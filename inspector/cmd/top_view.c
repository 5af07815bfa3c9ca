/* SPDX-License-Identifier: MIT */
/* Frames of top: figures above, one of the views below. */
#include "cmd/top.h"
#include "memory.h"
#include "render/palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TEXT = 24,
    COLUMNS_MAX = 9,
    FIGURE_WIDTH = 10,
    VALUE_WIDTH = 8,
    RATE_WIDTH = 10,
    NAME_LEAST = 14,
    NAME_MOST = 30,
};

/* One line of threads or classes. */
struct row {
    char name[40];
    size_t values[COLUMNS_MAX]; /* but for the name */
    double change;              /* of the first of them, a second */
};

struct heading {
    const char *name;
    bool is_bytes;
};

static const struct heading thread_columns[] = {
    {"live", true},   {"slabs", true}, {"binned", true}, {"arena", true},
    {"chunks", true}, {"free", true},  {"listed", true},
};

static const struct heading class_columns[] = {
    {"live", true},   {"memory", true},   {"cached", true}, {"objects", false},
    {"slabs", false}, {"partial", false}, {"empty", false},
};

enum { NCOLUMNS = sizeof thread_columns / sizeof *thread_columns };
_Static_assert(sizeof class_columns == sizeof thread_columns, "one width");
_Static_assert((int)NCOLUMNS <= (int)COLUMNS_MAX, "they fit");

/* "17.5M", "175M": no blank, no "iB", three digits; the width is dear. */
static const char *brief(const struct top *top, uint64_t bytes, char text[TEXT])
{
    char whole[TEXT];

    (void)output_bytes(top->context->output, bytes, whole, sizeof whole);
    size_t digits = strcspn(whole, ". ");
    const char *unit = strchr(whole, ' ');
    if (digits < 3 && whole[digits] == '.')
        digits = strcspn(whole, " ");
    (void)snprintf(text, TEXT, "%.*s%.1s", (int)digits, whole,
                   unit != NULL && unit[1] != 'B' ? unit + 1 : "");
    return text;
}

/* "+1.2M/s"; "" if it stands. */
static const char *rate(const struct top *top, double change, bool is_bytes,
                        char text[TEXT])
{
    char number[TEXT];
    uint64_t size = (uint64_t)(change < 0 ? -change : change);

    if (size == 0) {
        text[0] = '\0';
        return text;
    }
    if (is_bytes) {
        (void)brief(top, size, number);
    } else {
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)size);
    }
    (void)snprintf(text, TEXT, "%c%.*s/s", change < 0 ? '-' : '+', TEXT - 4,
                   number);
    return text;
}

static double per_second(const struct top *top, size_t now, size_t before)
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
    char text[TEXT];

    for (unsigned i = 0; i < NFIGURES; i++) {
        bool is_bytes = i < FIGURE_OBJECTS;
        size_t at = (size_t)i * FIGURE_WIDTH;
        size_t value = top->now.figures[i];
        if (is_bytes) {
            (void)brief(top, value, text);
        } else {
            (void)snprintf(text, sizeof text, "%zu", value);
        }
        (void)snprintf(head + at, sizeof head - at, "%*s", FIGURE_WIDTH,
                       names[i]);
        (void)snprintf(values + at, sizeof values - at, "%*.*s", FIGURE_WIDTH,
                       FIGURE_WIDTH, text);
        (void)rate(top, per_second(top, value, top->before.figures[i]),
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
        BLOCK_FREE, BLOCK_LISTED,  BLOCK_CACHE,
    };
    const struct usage *usage = top->now.usage;
    char line[256] = "pages:";
    char text[TEXT];

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t used = strlen(line);
        size_t bytes = usage->bytes[kinds[i]];
        if (bytes == 0)
            continue;
        (void)snprintf(line + used, sizeof line - used, "  %s %s",
                       block_kind_names[kinds[i]], brief(top, bytes, text));
        if (kinds[i] != BLOCK_FREE)
            continue;
        used = strlen(line);
        (void)snprintf(line + used, sizeof line - used, " (%s given back)",
                       brief(top, usage->clean, text));
    }
    tui_line(top->tui, TUI_PLAIN, "%s", line);
}

static size_t sort_column;
static bool sort_ascending;

static int by_column(const void *a, const void *b)
{
    size_t x = ((const struct row *)a)->values[sort_column];
    size_t y = ((const struct row *)b)->values[sort_column];
    int order = (x < y) - (x > y);

    return sort_ascending ? -order : order;
}

static void draw_row(struct top *top, const struct heading *columns,
                     const struct row *row, int width)
{
    char line[256];
    char text[TEXT];
    int used = snprintf(line, sizeof line, "%-*.*s", width, width, row->name);

    for (size_t c = 0; c < NCOLUMNS; c++) {
        if (columns[c].is_bytes) {
            (void)brief(top, row->values[c], text);
        } else {
            (void)snprintf(text, sizeof text, "%zu", row->values[c]);
        }
        used += snprintf(line + used, sizeof line - (size_t)used, "%*s",
                         VALUE_WIDTH, text);
    }
    (void)snprintf(line + used, sizeof line - (size_t)used, "%*s", RATE_WIDTH,
                   rate(top, row->change, true, text));
    tui_line(top->tui, TUI_PLAIN, "%s", line);
}

/* The rows that fit, from the largest of the chosen column on. */
static void draw_rows(struct top *top, const char *first,
                      const struct heading *columns, struct row *rows,
                      size_t count)
{
    int rest = (int)NCOLUMNS * VALUE_WIDTH + RATE_WIDTH;
    int width = (int)tui_width(top->tui) - rest;
    char line[256];

    width = width < NAME_LEAST ? NAME_LEAST : width;
    width = width > NAME_MOST ? NAME_MOST : width;
    int used = snprintf(line, sizeof line, "%-*s", width, first);
    sort_column = top->sort[top->view];
    sort_ascending = top->ascending;
    for (size_t c = 0; c < NCOLUMNS; c++) {
        char name[TEXT];
        (void)snprintf(name, sizeof name, "%s%s",
                       c != sort_column ? ""
                       : sort_ascending ? "^"
                                        : "*",
                       columns[c].name);
        used += snprintf(line + used, sizeof line - (size_t)used, "%*s",
                         VALUE_WIDTH, name);
    }
    (void)snprintf(line + used, sizeof line - (size_t)used, "%*s", RATE_WIDTH,
                   "change");
    tui_line(top->tui, TUI_HEAD, "%s", line);
    if (count > 1)
        qsort(rows, count, sizeof *rows, by_column);
    for (size_t i = 0; i < count && tui_left(top->tui) > 0; i++)
        draw_row(top, columns, &rows[i], width);
}

/* In the program's hands of one heap. */
static size_t heap_live(const struct heap_use *use)
{
    size_t idle = use->free_chunks + use->top + use->chunk_cached;

    return use->slab_live +
           (use->segment_bytes > idle ? use->segment_bytes - idle : 0);
}

static void draw_threads(struct top *top)
{
    const struct model *model = top->now.model;
    const struct usage *usage = top->now.usage;
    const struct usage *old = top->before.usage;
    struct row *rows = xcalloc(model->nheaps, sizeof *rows);
    size_t count = 0;

    for (size_t i = 0; i < model->nheaps; i++) {
        const struct heap *heap = &model->heaps[i].heap;
        const struct heap_use *use = &usage->heaps[i + 1];
        struct row *row = &rows[count];
        char name[VIEW_NAME];
        if (model->heaps[i].address == 0)
            continue;
        count++;
        (void)view_thread_name(top->context->target, heap->tid, name);
        (void)snprintf(row->name, sizeof row->name, "%u %.15s", heap->tid,
                       *name != '\0' ? name : view_heap_state(heap));
        const size_t values[NCOLUMNS] = {
            heap_live(use),     use->slab_bytes,   use->slab_cached,
            use->segment_bytes, use->chunk_cached, use->free_chunks + use->top,
            use->listed,
        };
        memcpy(row->values, values, sizeof values);
        if (old != NULL && i + 1 < old->nheaps) {
            row->change =
                per_second(top, values[0], heap_live(&old->heaps[i + 1]));
        }
    }
    draw_rows(top, "tid thread", thread_columns, rows, count);
    free(rows);
}

static void draw_classes(struct top *top)
{
    const struct heap_use *all = &top->now.usage->heaps[0];
    const struct usage *old = top->before.usage;
    struct row rows[NSLAB] = {0};
    size_t count = 0;

    for (unsigned cls = 0; cls < NSLAB; cls++) {
        const struct class_use *use = &all->classes[cls];
        struct row *row = &rows[count];
        size_t size = size_class_bytes(cls);
        if (use->slabs == 0)
            continue;
        count++;
        (void)snprintf(row->name, sizeof row->name, "%zu", size);
        const size_t values[NCOLUMNS] = {
            class_live(use) * size,
            use->slabs * SLAB_BYTES,
            class_cached(use) * size,
            class_live(use),
            use->slabs,
            use->partial,
            use->empty,
        };
        memcpy(row->values, values, sizeof values);
        if (old != NULL) {
            row->change = per_second(
                top, values[0], class_live(&old->heaps[0].classes[cls]) * size);
        }
    }
    draw_rows(top, "object size", class_columns, rows, count);
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
    char text[TEXT];

    if (tui_width(top->tui) < 32)
        return;
    tui_line(top->tui, TUI_HEAD,
             "%s resident; orange (0) unused .. blue (#) used, grey (.) none",
             brief(top, picture->sum.resident, text));
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
        "t threads      c size classes      m page map",
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

void top_sort_next(struct top *top)
{
    if (top->view == TOP_THREADS || top->view == TOP_CLASSES)
        top->sort[top->view] = (top->sort[top->view] + 1) % NCOLUMNS;
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
        draw_threads(top);
        break;
    case TOP_CLASSES:
        draw_classes(top);
        break;
    case TOP_MAP:
        draw_map(top);
        break;
    case TOP_HELP:
        draw_help(top);
        break;
    }
    tui_foot(top->tui, "? help  t threads  c classes  m map  s sort  r reverse"
                       "  space freeze  q quit");
    tui_show(top->tui);
}
