/* SPDX-License-Identifier: MIT */
#ifndef PROF_EXPORT_H
#define PROF_EXPORT_H
/* The profile in the formats of viewers that people have already. */
#include "prof/stack.h"
#include "prof/values.h"

#include <stdio.h>

struct exported {
    const struct profile *profile;
    const struct prof_figures *figures; /* by stack */
    struct symbols *symbols;
    uint64_t unattributed; /* live bytes of no sample */
    uint64_t rounding;     /* of those of samples, not asked for */
    enum metric metric;    /* of formats that know one only */
};

struct export_format {
    const char *name;
    bool is_binary;     /* nothing for terminals */
    bool needs_all;     /* every metric: what blocks pin, too */
    bool has_addresses; /* of code */
    /* False: not all could be written. */
    bool (*write)(FILE *stream, const struct exported *exported);
};

/* NULL: there is none of that name. */
const struct export_format *export_find(const char *name);

bool export_pprof(FILE *stream, const struct exported *exported);
bool export_collapsed(FILE *stream, const struct exported *exported);
bool export_speedscope(FILE *stream, const struct exported *exported);
bool export_heaptrack(FILE *stream, const struct exported *exported);

/* Frames of their own, so that all together are the heap's live bytes. */
#define EXPORT_UNATTRIBUTED "[unattributed]"
#define EXPORT_ROUNDING     "[rounding]"

#endif
