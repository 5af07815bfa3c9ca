/* SPDX-License-Identifier: MIT */
#ifndef LEAK_SUPPRESS_H
#define LEAK_SUPPRESS_H
/*
 * Suppressions in LeakSanitizer's format: lines "leak:PATTERN" and comments
 * that begin with '#'.  A pattern is looked for anywhere in the names of
 * functions, source files and modules; '*' stands for any text, '^' and '$'
 * for begin and end.
 */
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

struct suppressions {
    char *text; /* backs the patterns */
    const char **patterns;
    size_t count;
};

/* False with *failure: not readable, or a line that is none. */
bool suppressions_read(const char *path, struct suppressions *out,
                       struct failure *failure);
void suppressions_free(struct suppressions *suppressions);

/* Does any pattern match the text?  NULL and "": none does. */
bool suppressions_match(const struct suppressions *suppressions,
                        const char *text);

#endif
