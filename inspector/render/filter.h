/* SPDX-License-Identifier: MIT */
#ifndef RENDER_FILTER_H
#define RENDER_FILTER_H
/*
 * The filter language, over the keys of a table's columns:
 *
 *   or:         and || and ...
 *   and:        not && not ...
 *   not:        ! not | ( or ) | comparison
 *   comparison: KEY OP VALUE     OP: == != < <= > >= ~ !~ (contains)
 *               KEY              known, and neither 0 nor empty
 *   VALUE: number with K M G T (powers of 1024), ms s m h d (in
 *          milliseconds) or %; 0x...; "text" or a bare word
 *
 *   size>4K && arena==2 && page.occupancy<.25
 *
 * A comparison with a value that is not known is false, whatever the operator.
 */
#include "render/table.h"

enum {
    FILTER_NODES = 256,
    FILTER_LENGTH = 4096, /* of the text */
};

struct filter;

/* NULL with *failure: what is wrong, and *at: where in the text. */
struct filter *filter_parse(const char *text, const struct column *columns,
                            size_t count, struct failure *failure, size_t *at);
bool filter_match(const struct filter *filter, const struct value *values);
void filter_free(struct filter *filter);

#endif
