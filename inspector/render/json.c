/* SPDX-License-Identifier: MIT */
/* JSON, streamed; jansson writes the values, so that quoting is its. */
#include "render/internal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define SCHEMA_NAME "https://liballoc.invalid/heapinspect/1"

/* Text that is not UTF-8 (a path may be anything) loses its odd bytes. */
void json_text(FILE *stream, const char *text)
{
    json_t *string = json_string(text);

    if (string == NULL) {
        char plain[256];
        size_t i = 0;
        for (; text[i] != '\0' && i + 1 < sizeof plain; i++) {
            unsigned char c = (unsigned char)text[i];
            plain[i] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
        }
        plain[i] = '\0';
        string = json_string(plain);
    }
    if (string == NULL || json_dumpf(string, stream, JSON_ENCODE_ANY) != 0)
        (void)fputs("null", stream);
    json_decref(string);
}

void json_value(struct output *output, enum column_type type,
                const struct value *value)
{
    char text[FIELD_TEXT];
    FILE *stream = output->stream;

    if (!value_is_known(type, value)) {
        (void)fputs("null", stream);
        return;
    }
    const char *plain = plain_value(output, type, value, text, sizeof text);
    if (type == COLUMN_TEXT || type == COLUMN_ADDRESS) {
        json_text(stream, plain);
    } else {
        (void)fputs(plain, stream);
    }
}

static void put_pair(FILE *stream, const char *key, const char *text)
{
    json_text(stream, key);
    (void)fputs(": ", stream);
    json_text(stream, text);
}

static void put_head(struct output *output)
{
    FILE *stream = output->stream;
    const struct envelope *envelope = &output->envelope;

    put_pair(stream, "schema", SCHEMA_NAME);
    (void)fputs(", \"version\": 1, ", stream);
    put_pair(stream, "tool", "heapinspect " INSPECTOR_VERSION);
    (void)fputs(", ", stream);
    put_pair(stream, "verb", envelope->verb);
    (void)fputs(", \"target\": {", stream);
    put_pair(stream, "kind", envelope->kind);
    (void)fputs(", ", stream);
    put_pair(stream, "name", envelope->target);
    (void)fputs(", ", stream);
    put_pair(stream, "program", envelope->program);
    (void)fprintf(stream, ", \"pid\": %d}, ", envelope->pid);
    put_pair(stream, "mode", envelope->mode);
}

static void put_texts(FILE *stream, const char *const *texts, size_t count)
{
    (void)fputc('[', stream);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            (void)fputs(", ", stream);
        json_text(stream, texts[i]);
    }
    (void)fputc(']', stream);
}

static void put_tail(struct output *output, double stop_ms,
                     const char *const *warnings, size_t nwarnings)
{
    const struct consistency *seen = &output->consistency;
    FILE *stream = output->stream;

    (void)fputs("\"consistency\": ", stream);
    if (seen->known) {
        (void)fprintf(stream,
                      "{\"stopped\": %s, \"retries\": %zu, \"torn\": %zu, "
                      "\"unverified\": %zu}",
                      seen->stopped ? "true" : "false", seen->retries,
                      seen->torn, seen->unverified);
    } else {
        (void)fputs("null", stream);
    }
    (void)fprintf(stream, ", \"stop_ms\": %.3f, \"advice\": ", stop_ms);
    put_texts(stream, (const char *const *)output->advice, output->nadvice);
    (void)fputs(", \"warnings\": ", stream);
    put_texts(stream, warnings, nwarnings);
}

/* The head is written with the first member: a usage error leaves nothing. */
void json_key(struct output *output, const char *key)
{
    if (!output->opened) {
        (void)fputc('{', output->stream);
        put_head(output);
        output->opened = true;
    }
    (void)fputs(",\n", output->stream);
    if (key == NULL)
        return;
    json_text(output->stream, key);
    (void)fputs(": ", output->stream);
}

void json_close(struct output *output, double stop_ms,
                const char *const *warnings, size_t nwarnings)
{
    json_key(output, NULL);
    put_tail(output, stop_ms, warnings, nwarnings);
    (void)fputs("}\n", output->stream);
}

void jsonl_close(struct output *output, double stop_ms,
                 const char *const *warnings, size_t nwarnings)
{
    (void)fputs("{\"table\": \"envelope\", ", output->stream);
    put_head(output);
    (void)fputs(", ", output->stream);
    put_tail(output, stop_ms, warnings, nwarnings);
    (void)fputs("}\n", output->stream);
}

static void put_members(struct table *table, const struct value *values,
                        bool comma)
{
    FILE *stream = table->output->stream;

    for (size_t s = 0; s < table->nshown; s++) {
        size_t c = table->shown[s];
        if (comma || s > 0)
            (void)fputs(", ", stream);
        json_text(stream, table->columns[c].key);
        (void)fputs(": ", stream);
        json_value(table->output, table->columns[c].type, &values[c]);
    }
    (void)fputc('}', stream);
}

static void json_begin(struct table *table)
{
    json_key(table->output, table->name);
    (void)fputc('[', table->output->stream);
}

static void json_row(struct table *table, const struct value *values)
{
    (void)fputs(table->written > 0 ? ",\n  {" : "\n  {", table->output->stream);
    put_members(table, values, false);
}

static void json_end(struct table *table)
{
    char key[FIELD_TEXT];

    (void)fputc(']', table->output->stream);
    if (table->taken > table->written) {
        (void)snprintf(key, sizeof key, "%s.omitted", table->name);
        json_key(table->output, key);
        (void)fprintf(table->output->stream, "%zu",
                      table->taken - table->written);
    }
}

const struct writer json_writer = {json_begin, json_row, json_end};

static void jsonl_begin(struct table *table)
{
    (void)table;
}

static void jsonl_row(struct table *table, const struct value *values)
{
    (void)fputs("{\"table\": ", table->output->stream);
    json_text(table->output->stream, table->name);
    put_members(table, values, true);
    (void)fputc('\n', table->output->stream);
}

static void jsonl_end(struct table *table)
{
    if (table->taken > table->written) {
        (void)fprintf(stderr, "heapinspect: %zu more rows (use --limit 0)\n",
                      table->taken - table->written);
    }
}

const struct writer jsonl_writer = {jsonl_begin, jsonl_row, jsonl_end};
