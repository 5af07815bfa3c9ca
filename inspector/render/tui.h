/* SPDX-License-Identifier: MIT */
#ifndef RENDER_TUI_H
#define RENDER_TUI_H
/*
 * A screen that is drawn anew from the top: lines of text and lines of shades.
 * On a terminal by ncurses; for scripts the same lines on a stream.
 */
#include "render/output.h"

struct tui;

enum tui_style {
    TUI_PLAIN,
    TUI_STRONG,
    TUI_HEAD, /* headings of columns */
    TUI_DIM,
};

enum {
    TUI_TICK = -1,   /* no key was pressed in time */
    TUI_RESIZE = -2, /* draw anew */
    TUI_CLOSED = -3, /* no more keys: the terminal is gone */
};

/* `batch`: lines go to the output's stream.  NULL: it is no terminal. */
struct tui *tui_begin(struct output *output, bool batch);
void tui_end(struct tui *tui);

/* A new frame; then lines, as many as fit; then tui_show(). */
void tui_clear(struct tui *tui);
void tui_show(struct tui *tui);

size_t tui_width(const struct tui *tui);
size_t tui_left(const struct tui *tui); /* lines, but for the last one */
bool tui_has_halves(const struct tui *tui);

/* The next line; what does not fit in the width is cut. */
void tui_line(struct tui *tui, enum tui_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The last line of the screen: what keys there are. */
void tui_foot(struct tui *tui, const char *text);

/* A label, then shades of palette.h, `lower` beneath `upper`, or NULL. */
void tui_shades(struct tui *tui, const char *label, const uint8_t *upper,
                const uint8_t *lower, size_t count);

/* Waits for a key: its character, or one of the above. */
int tui_key(struct tui *tui, double wait_ms);

#endif
