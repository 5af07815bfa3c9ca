/* SPDX-License-Identifier: MIT */
#ifndef TABLE_H
#define TABLE_H
/*
 * Rows of typed columns, written as text, JSON, JSONL or CSV.  A verb says
 * what its columns are and hands over rows; filter, sort, limit, choice of
 * columns, units and quoting are done here, the same for every verb.  Rows
 * stream unless they are to be sorted.  No knowledge of heaps.
 */
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum column_type {
    COLUMN_TEXT,    /* .text */
    COLUMN_COUNT,   /* .number */
    COLUMN_BYTES,   /* .number; "4.0K" in text, an integer elsewhere */
    COLUMN_ADDRESS, /* .number; "0x..." everywhere; may be hashed */
    COLUMN_RATIO,   /* .ratio, 0..1; "25 %" in text */
    COLUMN_MS,      /* .ratio: milliseconds */
};

struct column {
    const char *name; /* heading: "rss" */
    const char *key;  /* in JSON and filters: "page.occupancy" */
    enum column_type type;
    bool hidden;         /* shown only by --columns */
    const char *meaning; /* one sentence: what it is and what to do */
};

struct value {
    uint64_t number;
    double ratio;
    const char *text; /* NULL with any type: not known, "-" and null */
    bool unknown;
};

struct table;
struct output; /* options of the command line: see output.h */

struct table *table_begin(struct output *output, const char *name,
                          const struct column *columns, size_t count);

/* One value a column, copied before it returns; false: stop (limit, EPIPE). */
bool table_row(struct table *table, const struct value *values);

/* Prints what is left ("... 1 204 more"); frees. */
enum status table_end(struct table *table);

#endif
