/* SPDX-License-Identifier: MIT */
#ifndef RENDER_INTERNAL_H
#define RENDER_INTERNAL_H
/* Inside of render/: the output, tables, and the writers of the four forms. */
#include "render/output.h"

#include <sys/types.h>

enum {
    ADVICE_MAX = 32,
    FIELD_TEXT = 64, /* of a formatted number */
};

struct output {
    struct output_options options;
    struct envelope envelope;
    struct consistency consistency;
    FILE *stream;
    pid_t pager;
    bool color;
    size_t parts;  /* tables and summaries begun */
    size_t tables; /* of these, tables */
    size_t default_limit;
    bool opened; /* JSON: the envelope is begun */
    uint64_t hash_key;
    char fail_key[64]; /* of --fail-over; "": none */
    uint64_t fail_most;
    uint64_t fail_sum;
    bool fail_seen;
    char *advice[ADVICE_MAX];
    size_t nadvice;
    enum status status;
};

struct table;

struct writer {
    void (*table_begin)(struct table *table);
    void (*row)(struct table *table, const struct value *values);
    void (*table_end)(struct table *table);
};
extern const struct writer text_writer;
extern const struct writer json_writer;
extern const struct writer jsonl_writer;
extern const struct writer csv_writer;

struct filter;

struct table {
    struct output *output;
    const struct writer *writer;
    const char *name;
    const struct column *columns;
    size_t count;
    size_t *shown; /* indices of the columns shown, in order */
    size_t nshown;
    struct filter *filter;
    size_t limit; /* 0: all */
    size_t taken; /* rows that passed the filter */
    size_t written;
    bool sorting;
    size_t sort_key; /* index of the column */
    bool descending;
    struct value *rows; /* kept: for sorting, and the first for alignment */
    size_t nrows;
    int *widths; /* text: of the shown columns */
    bool aligned;
};

/* Adds to what --fail-over looks at, if it is this key. */
void output_count(struct output *output, const char *key, enum column_type type,
                  const struct value *value);

/* The envelope's members before and after the tables, for json.c. */
void json_close(struct output *output, double stop_ms,
                const char *const *warnings, size_t nwarnings);
void jsonl_close(struct output *output, double stop_ms,
                 const char *const *warnings, size_t nwarnings);

/* A key of the envelope's object, with its comma; NULL: that alone. */
void json_key(struct output *output, const char *key);
void json_text(FILE *stream, const char *text);
void json_value(struct output *output, enum column_type type,
                const struct value *value);

/* A value for the eye, in `text` or its own; "-" if unknown. */
const char *format_value(const struct output *output, enum column_type type,
                         const struct value *value, char *text, size_t size);

/* The same bare, for CSV: bytes as integers, ratios as fractions. */
const char *plain_value(const struct output *output, enum column_type type,
                        const struct value *value, char *text, size_t size);
bool value_is_known(enum column_type type, const struct value *value);

#endif
