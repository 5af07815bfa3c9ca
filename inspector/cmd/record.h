/* SPDX-License-Identifier: MIT */
#ifndef CMD_RECORD_H
#define CMD_RECORD_H
/* Between the parts of the verb `record`. */
#include "cmd/cmd.h"
#include "record/analyse.h"

#include <stdio.h>

enum record_metric {
    RECORD_BY_BYTES,
    RECORD_BY_ALLOCATIONS,
    RECORD_BY_TEMPORARY,
    RECORD_BY_PEAK,
    RECORD_BY_LEAKED,
};

static inline uint64_t record_value(const struct record_row *row,
                                    enum record_metric metric)
{
    const uint64_t values[] = {
        [RECORD_BY_BYTES] = row->bytes,
        [RECORD_BY_ALLOCATIONS] = row->allocations,
        [RECORD_BY_TEMPORARY] = row->temporary,
        [RECORD_BY_PEAK] = row->at_peak,
        [RECORD_BY_LEAKED] = row->live,
    };

    return values[metric];
}

/* Figures of the whole. */
enum status record_show_summary(struct context *context, const char *path,
                                const struct record *record,
                                const struct analysis *analysis);

/* A row a stack. */
enum status record_show_stacks(struct context *context,
                               const struct record *record,
                               const struct analysis *analysis);

/* False: not all could be written. */
bool record_export_collapsed(FILE *stream, const struct record *record,
                             enum record_metric metric);
bool record_export_heaptrack(FILE *stream, const struct record *record);

#endif
