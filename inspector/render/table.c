/* SPDX-License-Identifier: MIT */
/* Which rows and columns are shown, in which order. */
#include "render/filter.h"
#include "render/internal.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    LOOK_AHEAD = 512, /* rows that text is aligned by */
};

static const struct writer *writer_of(const struct output *output)
{
    switch (output->options.format) {
    case OUTPUT_JSON:
        return &json_writer;
    case OUTPUT_JSONL:
        return &jsonl_writer;
    case OUTPUT_CSV:
        return &csv_writer;
    case OUTPUT_TEXT:
        break;
    }
    return &text_writer;
}

/* The column of a key or heading [name, name + length); count: none. */
static size_t column_of(const struct table *table, const char *name,
                        size_t length)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct column *column = &table->columns[i];
        if ((strlen(column->key) == length &&
             memcmp(column->key, name, length) == 0) ||
            (strlen(column->name) == length &&
             memcmp(column->name, name, length) == 0))
            return i;
    }
    return table->count;
}

static void list_keys(const struct table *table)
{
    (void)fputs("heapinspect: keys:", stderr);
    for (size_t i = 0; i < table->count; i++)
        (void)fprintf(stderr, " %s", table->columns[i].key);
    (void)fputc('\n', stderr);
}

static bool choose_columns(struct table *table, const char *names)
{
    table->shown = xcalloc(table->count, sizeof *table->shown);
    if (names == NULL) {
        for (size_t i = 0; i < table->count; i++) {
            if (!table->columns[i].hidden)
                table->shown[table->nshown++] = i;
        }
        return true;
    }
    while (*names != '\0') {
        size_t length = strcspn(names, ",");
        size_t column = column_of(table, names, length);
        if (column == table->count || table->nshown == table->count) {
            (void)fprintf(stderr, "heapinspect: --columns: no key \"%.*s\"\n",
                          (int)length, names);
            list_keys(table);
            return false;
        }
        table->shown[table->nshown++] = column;
        names += length;
        names += *names == ',';
    }
    return true;
}

/* Numbers begin with the largest, texts with the first; "+" and "-" say. */
static bool choose_order(struct table *table, const char *key)
{
    if (key == NULL)
        return true;
    bool down = *key == '-';
    bool up = *key == '+';
    key += down || up;
    table->sort_key = column_of(table, key, strlen(key));
    if (table->sort_key == table->count) {
        (void)fprintf(stderr, "heapinspect: --sort: no key \"%s\"\n", key);
        list_keys(table);
        return false;
    }
    bool text = table->columns[table->sort_key].type == COLUMN_TEXT;
    table->descending = down || (!up && !text);
    table->sorting = true;
    return true;
}

static bool choose_rows(struct table *table, const char *text)
{
    struct failure failure;
    size_t at;

    if (text == NULL)
        return true;
    table->filter =
        filter_parse(text, table->columns, table->count, &failure, &at);
    if (table->filter != NULL)
        return true;
    (void)fprintf(stderr,
                  "heapinspect: --filter: %s, at column %zu\n  %s\n  %*s^\n",
                  failure.text, at + 1, text, (int)at, "");
    list_keys(table);
    return false;
}

static void table_free(struct table *table)
{
    filter_free(table->filter);
    free(table->shown);
    free(table->widths);
    free(table->rows);
    free(table);
}

struct table *table_begin(struct output *output, const char *name,
                          const struct column *columns, size_t count)
{
    struct table *table = xcalloc(1, sizeof *table);
    const struct output_options *options = &output->options;
    bool first = output->tables++ == 0;

    table->output = output;
    table->writer = writer_of(output);
    table->name = name;
    table->columns = columns;
    table->count = count;
    if (first) {
        table->limit =
            options->has_limit ? options->limit : output->default_limit;
    }
    if (!choose_columns(table, first ? options->columns : NULL) ||
        !choose_order(table, first ? options->sort : NULL) ||
        !choose_rows(table, first ? options->filter : NULL)) {
        output->status = STATUS_USAGE;
        table_free(table);
        return NULL;
    }
    output->parts++;
    table->writer->table_begin(table);
    return table;
}

static void write_row(struct table *table, const struct value *values)
{
    if (table->limit != 0 && table->written >= table->limit)
        return;
    table->writer->row(table, values);
    table->written++;
}

static void write_kept(struct table *table)
{
    for (size_t i = 0; i < table->nrows; i++)
        write_row(table, &table->rows[i * table->count]);
}

static void free_kept(struct table *table)
{
    for (size_t i = 0; i < table->nrows * table->count; i++) {
        if (table->columns[i % table->count].type == COLUMN_TEXT)
            free((char *)(uintptr_t)table->rows[i].text);
    }
    table->nrows = 0;
}

static void keep_row(struct table *table, const struct value *values)
{
    size_t count = table->count;

    table->rows = xgrow(table->rows, table->nrows, count * sizeof *table->rows);
    struct value *row = &table->rows[table->nrows++ * count];
    memcpy(row, values, count * sizeof *row);
    for (size_t i = 0; i < count; i++) {
        if (table->columns[i].type == COLUMN_TEXT && row[i].text != NULL)
            row[i].text = xstrdup(row[i].text);
    }
}

static bool is_aligning(const struct table *table)
{
    return table->writer == &text_writer && !table->aligned;
}

bool table_row(struct table *table, const struct value *values)
{
    if (table == NULL)
        return false;
    if (table->filter != NULL && !filter_match(table->filter, values))
        return true;
    table->taken++;
    for (size_t i = 0; i < table->count; i++) {
        output_count(table->output, table->columns[i].key,
                     table->columns[i].type, &values[i]);
    }
    if (table->sorting) {
        keep_row(table, values);
        return true;
    }
    if (table->limit != 0 && table->taken > table->limit)
        return true;
    if (is_aligning(table)) {
        keep_row(table, values);
        if (table->nrows == LOOK_AHEAD) {
            write_kept(table);
            free_kept(table);
        }
        return true;
    }
    write_row(table, values);
    return ferror(table->output->stream) == 0;
}

static int compare_values(const struct table *table, const struct value *left,
                          const struct value *right)
{
    enum column_type type = table->columns[table->sort_key].type;
    bool left_known = value_is_known(type, left);
    bool right_known = value_is_known(type, right);

    if (!left_known || !right_known) /* unknown ones last */
        return (int)right_known - (int)left_known;
    int order;
    if (type == COLUMN_TEXT) {
        order = strcmp(left->text, right->text);
    } else if (type == COLUMN_RATIO || type == COLUMN_MS) {
        order = (left->ratio > right->ratio) - (left->ratio < right->ratio);
    } else {
        order = (left->number > right->number) - (left->number < right->number);
    }
    return table->descending ? -order : order;
}

static int compare_rows(const void *left, const void *right, void *data)
{
    const struct table *table = data;
    const struct value *a = left;
    const struct value *b = right;

    return compare_values(table, &a[table->sort_key], &b[table->sort_key]);
}

enum status table_end(struct table *table)
{
    if (table == NULL)
        return STATUS_USAGE;
    struct output *output = table->output;
    if (table->sorting && table->nrows > 1) {
        qsort_r(table->rows, table->nrows, table->count * sizeof *table->rows,
                compare_rows, table);
    }
    write_kept(table);
    table->writer->table_end(table);
    free_kept(table);
    table_free(table);
    return ferror(output->stream) == 0 ? STATUS_FINE : STATUS_INCOMPLETE;
}
