/* SPDX-License-Identifier: MIT */
/* Text and CSV. */
#include "render/internal.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of a terminal that a text takes: bytes that begin a character. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static bool is_left(const struct column *column)
{
    return column->type == COLUMN_TEXT;
}

/* Control characters of a target's names must not reach the terminal. */
static void put_text(FILE *stream, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        (void)fputc(c < 0x20 || c == 0x7f ? '?' : c, stream);
    }
}

static void put_padded(const struct table *table, size_t shown,
                       const char *text)
{
    FILE *stream = table->output->stream;
    const struct column *column = &table->columns[table->shown[shown]];
    int padding = table->widths[shown] - width_of(text);
    bool last = shown + 1 == table->nshown;

    if (shown > 0)
        (void)fputs("  ", stream);
    if (!is_left(column) && padding > 0)
        (void)fprintf(stream, "%*s", padding, "");
    put_text(stream, text);
    if (is_left(column) && padding > 0 && !last)
        (void)fprintf(stream, "%*s", padding, "");
}

static void text_begin(struct table *table)
{
    if (table->output->parts > 1)
        (void)fputc('\n', table->output->stream);
    table->widths = xcalloc(table->nshown, sizeof *table->widths);
}

/* By the headings and the rows at hand; later rows may stick out. */
static void align(struct table *table)
{
    char text[FIELD_TEXT];

    table->aligned = true;
    for (size_t s = 0; s < table->nshown; s++) {
        size_t c = table->shown[s];
        int width = width_of(table->columns[c].name);
        if (table->output->options.no_headers)
            width = 1;
        for (size_t r = 0; r < table->nrows; r++) {
            const struct value *value = &table->rows[r * table->count + c];
            int needed =
                width_of(format_value(table->output, table->columns[c].type,
                                      value, text, sizeof text));
            width = needed > width ? needed : width;
        }
        table->widths[s] = width;
    }
    if (table->output->options.no_headers)
        return;
    if (table->output->color)
        (void)fputs("\033[1m", table->output->stream);
    for (size_t s = 0; s < table->nshown; s++)
        put_padded(table, s, table->columns[table->shown[s]].name);
    if (table->output->color)
        (void)fputs("\033[0m", table->output->stream);
    (void)fputc('\n', table->output->stream);
}

static void text_row(struct table *table, const struct value *values)
{
    char text[FIELD_TEXT];

    if (!table->aligned)
        align(table);
    for (size_t s = 0; s < table->nshown; s++) {
        size_t c = table->shown[s];
        put_padded(table, s,
                   format_value(table->output, table->columns[c].type,
                                &values[c], text, sizeof text));
    }
    (void)fputc('\n', table->output->stream);
}

/* 1204 as "1 204". */
static void put_grouped(FILE *stream, size_t number)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%zu", number);

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            (void)fputc(' ', stream);
        (void)fputc(digits[i], stream);
    }
}

static void text_end(struct table *table)
{
    FILE *stream = table->output->stream;

    if (!table->aligned)
        align(table);
    if (table->taken > table->written) {
        (void)fputs("… ", stream);
        put_grouped(stream, table->taken - table->written);
        (void)fputs(" more (use --limit 0)\n", stream);
    }
    free(table->widths);
    table->widths = NULL;
}

const struct writer text_writer = {text_begin, text_row, text_end};

static void put_csv(FILE *stream, const char *text)
{
    if (text[strcspn(text, ",\"\r\n")] == '\0') {
        (void)fputs(text, stream);
        return;
    }
    (void)fputc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)fputc('"', stream);
        (void)fputc(*text, stream);
    }
    (void)fputc('"', stream);
}

static void csv_begin(struct table *table)
{
    FILE *stream = table->output->stream;

    if (table->output->parts > 1)
        (void)fputc('\n', stream);
    if (table->output->options.no_headers)
        return;
    for (size_t s = 0; s < table->nshown; s++) {
        if (s > 0)
            (void)fputc(',', stream);
        put_csv(stream, table->columns[table->shown[s]].key);
    }
    (void)fputc('\n', stream);
}

static void csv_row(struct table *table, const struct value *values)
{
    char text[FIELD_TEXT];
    FILE *stream = table->output->stream;

    for (size_t s = 0; s < table->nshown; s++) {
        size_t c = table->shown[s];
        if (s > 0)
            (void)fputc(',', stream);
        put_csv(stream, plain_value(table->output, table->columns[c].type,
                                    &values[c], text, sizeof text));
    }
    (void)fputc('\n', stream);
}

static void csv_end(struct table *table)
{
    if (table->taken > table->written) {
        (void)fprintf(stderr, "heapinspect: %zu more rows (use --limit 0)\n",
                      table->taken - table->written);
    }
}

const struct writer csv_writer = {csv_begin, csv_row, csv_end};
