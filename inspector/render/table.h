/* SPDX-License-Identifier: MIT */
#ifndef TABLE_H
#define TABLE_H
/*
 * Rows of typed columns, written as text, JSON, JSONL or CSV.  A verb says
 * what its columns are and hands over rows; filter, sort, limit, choice of
 * columns, units and quoting are done here, the same for every verb.  Rows
 * stream unless they are to be sorted; text is aligned by its first rows.
 * No knowledge of heaps.
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
    const char *text; /* of COLUMN_TEXT; NULL: not known, "-" and null */
    bool unknown;     /* of the other types */
};

static inline struct value value_number(uint64_t number)
{
    return (struct value){.number = number};
}

static inline struct value value_ratio(double ratio)
{
    return (struct value){.ratio = ratio};
}

static inline struct value value_text(const char *text)
{
    return (struct value){.text = text};
}

static inline struct value value_unknown(void)
{
    return (struct value){.unknown = true};
}

struct table;
struct output; /* options of the command line: see output.h */

/*
 * NULL: the options do not fit these columns (an unknown key, a filter that
 * is wrong); said on stderr already: return STATUS_USAGE.
 */
struct table *table_begin(struct output *output, const char *name,
                          const struct column *columns, size_t count);

/*
 * One value a column, copied before it returns.  False: stop, nobody reads on
 * (or there is no table).
 * Rows beyond the limit are counted, so go on with them.
 */
bool table_row(struct table *table, const struct value *values);

/* Prints what is left ("... 1 204 more"); frees; table may be NULL. */
enum status table_end(struct table *table);

#endif
