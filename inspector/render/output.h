/* SPDX-License-Identifier: MIT */
#ifndef RENDER_OUTPUT_H
#define RENDER_OUTPUT_H
/*
 * Where a verb's answer goes, and in what form.  One output a run:
 *
 *   output_begin -> tables (table.h), summaries, advice -> output_end
 *
 * text   tables; last a line that begins with '#': mode, consistency
 * json   one object: envelope, a list a table, an object a summary
 * jsonl  an object a row, named by "table"; the envelope is the last line
 * csv    a header line and rows a table, an empty line between tables
 *
 * Options that choose rows (--filter, --sort, --limit, --columns) mean the
 * first table of the verb.  Warnings go to stderr too, but for JSON.
 */
#include "render/table.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV };
enum output_units { UNITS_IEC, UNITS_SI, UNITS_BYTES };
enum output_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct output_options {
    enum output_format format;
    enum output_units units;
    enum output_color color;
    const char *file; /* NULL: stdout */
    bool force;       /* an existing file may be overwritten */
    const char *columns;
    const char *sort;
    const char *filter;
    size_t limit;
    bool has_limit;
    bool no_headers;
    bool no_pager;
    bool hash_addresses;
    const char *fail_over; /* KEY=SIZE: more is STATUS_FINDING; NULL */
};

/* What the envelope says of how the answer came about. */
struct envelope {
    const char *verb;
    const char *target;  /* "" if there is none */
    const char *program; /* its name; "" if not known */
    int pid;             /* 0: not known */
    const char *kind;    /* "process", "core", "snapshot", "none" */
    const char *mode;    /* "peek", "stop" */
};

struct consistency {
    bool known;        /* the verb read heap structures */
    bool stopped;      /* the target stood still, or is a file */
    size_t retries;    /* of torn structures */
    size_t torn;       /* structures (heaps, zones) still torn after them */
    size_t unverified; /* pages, slots and chunks that could not be read or
                          verified */
};

/* NULL with *failure: the file exists, or cannot be written. */
struct output *output_begin(const struct output_options *options,
                            const struct envelope *envelope,
                            struct failure *failure);

/* Says how far the answer is to be trusted; the last call counts. */
void output_consistency(struct output *output,
                        const struct consistency *consistency);

/* No such line in text: the answer is for a program, or there is none. */
void output_no_consistency(struct output *output);

/* One sentence that the reader should act on. */
void output_advise(struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Writes what is left.  `status` is the verb's: with a failure and nothing
 * written yet there is no envelope either.  Returns it, or what is worse:
 * STATUS_INCOMPLETE if not all could be written, the outcome of --fail-over.
 */
enum status output_end(struct output *output, enum status status,
                       double stop_ms, const char *const *warnings,
                       size_t nwarnings);

/* Rows shown if the user does not say; 0: all. */
void output_default_limit(struct output *output, size_t limit);

/* The same for what is no table: --limit, else `limit`; SIZE_MAX for all. */
size_t output_limit(const struct output *output, size_t limit);

/* For verbs that draw: the stream, and whether drawing is what is wanted. */
FILE *output_stream(struct output *output);
const char *output_file(const struct output *output); /* NULL: stdout */
bool output_is_text(const struct output *output);

/* The user chose rows, columns or their order: a table is what is wanted. */
bool output_wants_rows(const struct output *output);
bool output_has_color(const struct output *output);

/* An address as this output shows them (hashed, perhaps); `text` >= 24. */
const char *output_address(const struct output *output, uint64_t address,
                           char *text, size_t size);

bool output_hashes_addresses(const struct output *output);

/* "4.0 KiB", as the units' option wants it; returns `text`. */
const char *output_bytes(const struct output *output, uint64_t bytes,
                         char *text, size_t size);

/*
 * Figures one below the other, each with one sentence: what it means and what
 * to do.  JSON: an object, and "NAME.meaning" beside it.
 */
struct summary;
struct summary *summary_begin(struct output *output, const char *name);
void summary_add(struct summary *summary, const char *key,
                 enum column_type type, struct value value,
                 const char *meaning);
enum status summary_end(struct summary *summary);

#endif
