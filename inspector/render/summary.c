/* SPDX-License-Identifier: MIT */
/* Figures one below the other, each with its meaning. */
#include "render/internal.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

struct figure {
    const char *key;
    enum column_type type;
    struct value value;
    char *text; /* of COLUMN_TEXT: ours */
    const char *meaning;
};

struct summary {
    struct output *output;
    const char *name;
    struct figure *figures;
    size_t count;
};

struct summary *summary_begin(struct output *output, const char *name)
{
    struct summary *summary = xcalloc(1, sizeof *summary);

    summary->output = output;
    summary->name = name;
    return summary;
}

void summary_add(struct summary *summary, const char *key,
                 enum column_type type, struct value value, const char *meaning)
{
    summary->figures =
        xgrow(summary->figures, summary->count, sizeof *summary->figures);
    struct figure *figure = &summary->figures[summary->count++];
    *figure = (struct figure){key, type, value, NULL, meaning};
    output_count(summary->output, key, type, &value);
    if (type == COLUMN_TEXT && value.text != NULL) {
        figure->text = xstrdup(value.text);
        figure->value.text = figure->text;
    }
}

static const struct column text_columns[] = {
    {"figure", "figure", COLUMN_TEXT, false, ""},
    {"value", "value", COLUMN_TEXT, false, ""},
    {"meaning", "meaning", COLUMN_TEXT, false, ""},
};

/* Text and CSV: a table of three columns, which no option cuts. */
static void write_table(const struct summary *summary)
{
    struct output *output = summary->output;
    struct output_options options = output->options;
    char text[FIELD_TEXT];
    bool csv = options.format == OUTPUT_CSV;

    if (!csv)
        output->options.no_headers = true;
    size_t tables = output->tables++;
    struct table *table = table_begin(output, summary->name, text_columns, 3);
    output->tables = tables;
    for (size_t i = 0; i < summary->count && table != NULL; i++) {
        const struct figure *figure = &summary->figures[i];
        const char *value =
            csv ? plain_value(output, figure->type, &figure->value, text,
                              sizeof text)
                : format_value(output, figure->type, &figure->value, text,
                               sizeof text);
        const struct value row[] = {value_text(figure->key), value_text(value),
                                    value_text(figure->meaning)};
        (void)table_row(table, row);
    }
    (void)table_end(table);
    output->options = options;
}

static void write_values(const struct summary *summary)
{
    struct output *output = summary->output;

    for (size_t i = 0; i < summary->count; i++) {
        const struct figure *figure = &summary->figures[i];
        (void)fputs(i > 0 ? ",\n  " : "\n  ", output->stream);
        json_text(output->stream, figure->key);
        (void)fputs(": ", output->stream);
        json_value(output, figure->type, &figure->value);
    }
    (void)fputc('}', output->stream);
}

static void write_meanings(const struct summary *summary)
{
    FILE *stream = summary->output->stream;
    bool any = false;

    for (size_t i = 0; i < summary->count; i++) {
        const struct figure *figure = &summary->figures[i];
        if (figure->meaning == NULL || *figure->meaning == '\0')
            continue;
        (void)fputs(any ? ",\n  " : "\n  ", stream);
        json_text(stream, figure->key);
        (void)fputs(": ", stream);
        json_text(stream, figure->meaning);
        any = true;
    }
    (void)fputc('}', stream);
}

static void write_json(const struct summary *summary)
{
    struct output *output = summary->output;
    char key[FIELD_TEXT];

    json_key(output, summary->name);
    (void)fputc('{', output->stream);
    write_values(summary);
    (void)snprintf(key, sizeof key, "%s.meaning", summary->name);
    json_key(output, key);
    (void)fputc('{', output->stream);
    write_meanings(summary);
}

/* One line: {"table": "NAME", ...} as a row of its own. */
static void write_jsonl(const struct summary *summary)
{
    struct output *output = summary->output;

    (void)fputs("{\"table\": ", output->stream);
    json_text(output->stream, summary->name);
    for (size_t i = 0; i < summary->count; i++) {
        const struct figure *figure = &summary->figures[i];
        (void)fputs(", ", output->stream);
        json_text(output->stream, figure->key);
        (void)fputs(": ", output->stream);
        json_value(output, figure->type, &figure->value);
    }
    (void)fputs("}\n", output->stream);
}

enum status summary_end(struct summary *summary)
{
    struct output *output = summary->output;
    enum output_format format = output->options.format;

    if (format == OUTPUT_JSON) {
        write_json(summary);
    } else if (format == OUTPUT_JSONL) {
        write_jsonl(summary);
    } else {
        write_table(summary);
    }
    for (size_t i = 0; i < summary->count; i++)
        free(summary->figures[i].text);
    free(summary->figures);
    free(summary);
    return ferror(output->stream) == 0 ? STATUS_FINE : STATUS_INCOMPLETE;
}
