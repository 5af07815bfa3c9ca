/* SPDX-License-Identifier: MIT */
/* The views of top that are tables: threads, size classes. */
#include "cmd/top.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS_MAX = 7,
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
    char text[TOP_TEXT];
    int used = snprintf(line, sizeof line, "%-*.*s", width, width, row->name);

    for (size_t c = 0; c < NCOLUMNS; c++) {
        if (columns[c].is_bytes) {
            (void)top_brief(top, row->values[c], text);
        } else {
            (void)snprintf(text, sizeof text, "%zu", row->values[c]);
        }
        used += snprintf(line + used, sizeof line - (size_t)used, "%*s",
                         VALUE_WIDTH, text);
    }
    (void)snprintf(line + used, sizeof line - (size_t)used, "%*s", RATE_WIDTH,
                   top_rate(top, row->change, true, text));
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
        char name[TOP_TEXT];
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

void top_draw_threads(struct top *top)
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
                top_change(top, values[0], heap_live(&old->heaps[i + 1]));
        }
    }
    draw_rows(top, "tid thread", thread_columns, rows, count);
    free(rows);
}

void top_draw_classes(struct top *top)
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
            use->slabs * slab_bytes(cls),
            class_cached(use) * size,
            class_live(use),
            use->slabs,
            use->partial,
            use->empty,
        };
        memcpy(row->values, values, sizeof values);
        if (old != NULL) {
            row->change = top_change(
                top, values[0], class_live(&old->heaps[0].classes[cls]) * size);
        }
    }
    draw_rows(top, "object size", class_columns, rows, count);
}

void top_sort_next(struct top *top)
{
    if (top->view == TOP_THREADS || top->view == TOP_CLASSES)
        top->sort[top->view] = (top->sort[top->view] + 1) % NCOLUMNS;
    if (top->view == TOP_STACKS) {
        top->sort[TOP_STACKS] = (top->sort[TOP_STACKS] + 1) % TOP_STACK_COLUMNS;
    }
}
