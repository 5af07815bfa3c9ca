/* SPDX-License-Identifier: MIT */
/*
 * The view of top that tells how it came to this: what was resident of the
 * heap at each look since the first, in use, in caches, and unused.
 *
 *   91.4M |             ..
 *         |          .cc##      a column a look, or several once the screen
 *         |   ..cc########      is full; the last one is now
 *      0B |###############
 */
#include "cmd/top.h"

#include <stdio.h>
#include <string.h>

enum {
    LABEL = 9,
    ROWS_MOST = 40,
    WIDTH_MOST = 512,
    MAX_GAP = 3, /* lines above and below the chart */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void top_note(struct top *top)
{
    const size_t *now = top->now.figures;
    struct top_history *history = &top->history;

    if (history->count == TOP_MOMENTS) {
        for (unsigned i = 0; i < TOP_MOMENTS / 2; i++)
            history->moments[i] = history->moments[2 * i + 1];
        history->count /= 2;
        history->every *= 2;
    }
    if (history->skipped++ % (history->every == 0 ? 1 : history->every) != 0)
        return;
    if (history->every == 0)
        history->every = 1;
    size_t unused = least(now[FIGURE_UNUSED], now[FIGURE_HEAP]);
    size_t cached = least(now[FIGURE_CACHED], unused);
    history->moments[history->count++] = (struct top_moment){
        .time_ms = top->now.time_ms,
        .used = now[FIGURE_HEAP] - unused,
        .cached = cached,
        .unused = unused - cached,
    };
}

/* The moment of a column: the latest are at the right end. */
static const struct top_moment *moment_at(const struct top_history *history,
                                          size_t column, size_t width)
{
    size_t count = history->count;

    if (count <= width) {
        return column < width - count
                   ? NULL
                   : &history->moments[column - (width - count)];
    }
    return &history->moments[(column + 1) * count / width - 1];
}

/* What the chart shows at a height, in bytes. */
static char mark_at(const struct top_moment *moment, size_t height)
{
    if (moment == NULL)
        return ' ';
    if (height < moment->used)
        return '#';
    if (height < moment->used + moment->cached)
        return 'c';
    return height < moment->used + moment->cached + moment->unused ? '.' : ' ';
}

void top_draw_time(struct top *top)
{
    const struct top_history *history = &top->history;
    size_t left = tui_left(top->tui);
    size_t rows = left > MAX_GAP + 1 ? least(left - MAX_GAP, ROWS_MOST) : 1;
    size_t width = tui_width(top->tui);
    char line[WIDTH_MOST + 1];
    char text[TOP_TEXT];
    size_t most = 1;

    width = width > LABEL + 2 ? least(width - LABEL - 2, WIDTH_MOST) : 1;
    for (unsigned i = 0; i < history->count; i++) {
        const struct top_moment *it = &history->moments[i];
        size_t all = it->used + it->cached + it->unused;
        most = all > most ? all : most;
    }
    tui_line(top->tui, TUI_HEAD,
             "resident of the heap since %.0f s ago: # in use, c in caches, "
             ". unused",
             history->count > 0
                 ? (top->now.time_ms - history->moments[0].time_ms) / 1000
                 : 0.0);
    for (size_t row = rows; row-- > 0;) {
        size_t height = most * row / rows;
        for (size_t i = 0; i < width; i++)
            line[i] = mark_at(moment_at(history, i, width), height);
        line[width] = '\0';
        (void)top_brief(top, row + 1 == rows ? most : height, text);
        bool labelled = row + 1 == rows || row == 0 || row == rows / 2;
        tui_line(top->tui, TUI_PLAIN, "%*s |%s", LABEL - 1,
                 labelled ? text : "", line);
    }
}
