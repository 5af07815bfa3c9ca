/* SPDX-License-Identifier: MIT */
#define NCURSES_WIDECHAR 1
#include "render/tui.h"

#include "memory.h"
#include "render/palette.h"

#include <curses.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH_WIDTH = 100,
    BATCH_ROWS = 1000,
    LINE = 512,
    PAIR_HEAD = 1,
    PAIR_SHADE = 2, /* and up: shade x shade, or shade alone */
};

struct tui {
    struct output *output;
    FILE *stream; /* of a batch; NULL: ncurses */
    SCREEN *screen;
    bool color;
    bool halves;
    size_t row;
};

static void make_pairs(struct tui *tui)
{
    const uint8_t *colors = COLORS >= 256 ? palette_256 : palette_16;
    int square = PALETTE_SHADES * PALETTE_SHADES;

    tui->color = has_colors() && start_color() == OK && COLORS >= 8;
    if (!tui->color)
        return;
    (void)use_default_colors();
    tui->halves =
        palette_has_blocks() && COLORS >= 256 && COLOR_PAIRS > square + 2;
    for (int i = 0; i < square; i++) {
        int front = colors[i / PALETTE_SHADES];
        int back = colors[i % PALETTE_SHADES];
        if (!tui->halves && i >= PALETTE_SHADES)
            break;
        if (COLORS < 16)
            back %= 8;
        (void)init_pair((short)(PAIR_SHADE + i),
                        (short)(tui->halves ? front : -1), (short)back);
    }
}

struct tui *tui_begin(struct output *output, bool batch)
{
    struct tui *tui = xcalloc(1, sizeof *tui);

    tui->output = output;
    if (batch) {
        tui->stream = output_stream(output);
        return tui;
    }
    (void)setlocale(LC_CTYPE, ""); /* NOLINT(concurrency-mt-unsafe) */
    tui->screen = newterm(NULL, stdout, stdin);
    if (tui->screen == NULL) {
        free(tui);
        return NULL;
    }
    (void)set_term(tui->screen);
    (void)cbreak();
    (void)noecho();
    (void)curs_set(0);
    (void)keypad(stdscr, TRUE);
    make_pairs(tui);
    return tui;
}

void tui_end(struct tui *tui)
{
    if (tui == NULL)
        return;
    if (tui->screen != NULL) {
        (void)endwin();
        delscreen(tui->screen);
    }
    free(tui);
}

size_t tui_width(const struct tui *tui)
{
    return tui->stream != NULL ? BATCH_WIDTH : (size_t)COLS;
}

static size_t rows_of(const struct tui *tui)
{
    return tui->stream != NULL ? BATCH_ROWS : (size_t)LINES;
}

size_t tui_left(const struct tui *tui)
{
    size_t rows = rows_of(tui);

    return tui->row + 1 < rows ? rows - 1 - tui->row : 0;
}

bool tui_has_halves(const struct tui *tui)
{
    return tui->halves;
}

void tui_clear(struct tui *tui)
{
    tui->row = 0;
    if (tui->stream == NULL)
        (void)erase();
}

void tui_show(struct tui *tui)
{
    if (tui->stream == NULL) {
        (void)refresh();
        return;
    }
    (void)fputc('\n', tui->stream);
    (void)fflush(tui->stream);
}

/* Names come from the target: nothing but printable ASCII gets through. */
static void clean(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            *text = '?';
    }
}

static attr_t attribute(const struct tui *tui, enum tui_style style)
{
    switch (style) {
    case TUI_PLAIN:
        return A_NORMAL;
    case TUI_STRONG:
        return A_BOLD;
    case TUI_HEAD:
        return A_REVERSE;
    case TUI_DIM:
        return tui->color ? A_DIM : A_NORMAL;
    }
    return A_NORMAL;
}

static void put_line(struct tui *tui, size_t row, enum tui_style style,
                     const char *text)
{
    if (tui->stream != NULL) {
        (void)fprintf(tui->stream, "%s\n", text);
        return;
    }
    (void)attrset((int)attribute(tui, style));
    (void)mvaddnstr((int)row, 0, text, COLS);
    for (int at = (int)strlen(text); style == TUI_HEAD && at < COLS; at++)
        (void)addch(' ');
    (void)attrset((int)A_NORMAL);
}

void tui_line(struct tui *tui, enum tui_style style, const char *format, ...)
{
    char text[LINE];
    va_list args;

    if (tui_left(tui) == 0)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    clean(text);
    put_line(tui, tui->row++, style, text);
}

void tui_foot(struct tui *tui, const char *text)
{
    if (tui->stream == NULL && LINES > 0)
        put_line(tui, (size_t)LINES - 1, TUI_DIM, text);
}

static void put_shade(const struct tui *tui, uint8_t upper, uint8_t lower)
{
    if (tui->halves) {
        (void)attrset(COLOR_PAIR(PAIR_SHADE + lower * PALETTE_SHADES + upper));
        (void)addstr("\u2584");
    } else if (tui->color) {
        (void)attrset(COLOR_PAIR(PAIR_SHADE + upper));
        (void)addch((chtype)palette_ascii[upper]);
    } else {
        (void)addch((chtype)palette_ascii[upper]);
    }
}

void tui_shades(struct tui *tui, const char *label, const uint8_t *upper,
                const uint8_t *lower, size_t count)
{
    size_t used = strlen(label);

    if (tui_left(tui) == 0)
        return;
    if (tui->stream != NULL) {
        (void)fputs(label, tui->stream);
        palette_line(tui->stream, PALETTE_ASCII, upper, NULL, count);
        (void)fputc('\n', tui->stream);
        tui->row++;
        return;
    }
    (void)mvaddnstr((int)tui->row, 0, label, COLS);
    for (size_t i = 0; i < count && used + i < (size_t)COLS; i++)
        put_shade(tui, upper[i], lower != NULL ? lower[i] : upper[i]);
    (void)attrset((int)A_NORMAL);
    tui->row++;
}

static int wait_without_keys(double wait_ms)
{
    struct timespec delay = {
        .tv_sec = (time_t)(wait_ms / 1000),
        .tv_nsec = (long)(wait_ms * 1e6) % 1000000000,
    };

    (void)nanosleep(&delay, NULL);
    return TUI_TICK;
}

int tui_key(struct tui *tui, double wait_ms)
{
    if (tui->stream != NULL)
        return wait_without_keys(wait_ms);
    timeout(wait_ms > 0 ? (int)wait_ms : 0);
    int key = getch();
    if (key == KEY_RESIZE)
        return TUI_RESIZE;
    if (key != ERR)
        return key;
    /* A terminal that is gone answers at once, for ever. */
    return isatty(STDIN_FILENO) == 1 ? TUI_TICK : TUI_CLOSED;
}
