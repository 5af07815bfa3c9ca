/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_TUNABLES_H
#define LIBALLOC_BASE_TUNABLES_H
/*
 * Tunables: one table (layout/tunables.def), one parser.
 * Layer: base.  Written before the first allocation, later only by
 * tunable_set() on run-time ones; read without lock (stale ok: all are
 * policies, none an invariant).
 */
#include "base/bits.h"
#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tunable_kind {
    TUNABLE_SIZE,
    TUNABLE_COUNT,
    TUNABLE_MS,
    TUNABLE_BOOL,
};

struct tunables {
#define T(name, kind, def, min, max, unit, help) size_t name;
#define R(name, kind, def, min, max, unit, help) size_t name;
#include "layout/tunables.def"
};
extern HIDDEN struct tunables tunables;

/* One row of the table. */
struct tunable {
    const char *name;
    size_t offset; /* in struct tunables */
    size_t initial;
    size_t min;
    size_t max;
    const char *unit;
    const char *help;
    enum tunable_kind kind;
    bool at_run_time; /* may change after start */
};
extern const struct tunable tunable_table[];
extern const size_t tunable_count;

/* The row of that name (`len` bytes); NULL if there is none. */
const struct tunable *tunable_find(const char *name, size_t len);

size_t tunable_value(const struct tunable *tunable);

/* False if the value is out of range: then nothing changes. */
bool tunable_assign(const struct tunable *tunable, size_t value);

/*
 * "64K" to 65536: decimal or 0x number with an optional K, M or G (SIZE
 * kinds only).  False for anything else.
 */
bool tunable_parse_value(enum tunable_kind kind, const char *text, size_t len,
                         size_t *value);

/*
 * Takes "name:value,name:value"; each unknown name or bad value gives one
 * line through `complain` and is passed over.  Pure but for `tunables`.
 */
void tunables_parse(const char *text,
                    void (*complain)(const char *why, const char *item,
                                     size_t len));

/*
 * Reads LIBALLOC_CONF and glibc's MALLOC_* variables; nothing under
 * AT_SECURE (`secure`).  `env` is environ; may be NULL.
 */
void tunables_read_environment(char **env, bool secure);

#endif
