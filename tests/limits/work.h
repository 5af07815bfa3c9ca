/* SPDX-License-Identifier: MIT */
#ifndef LIMITS_WORK_H
#define LIMITS_WORK_H
/* What the parts of `work` share. */
#include "black_box.h"

/* Says what, and ends the program with status 1. */
__attribute__((format(printf, 1, 2), noreturn)) void wrong(const char *format,
                                                           ...);

/* Fills up to `most` bytes or to the limit, frees, does so again. */
void work_fill(size_t most);

/* Fills up to `most` bytes or to the limit and frees: the amount is free. */
void work_try(size_t most);

/* Verbs that first put something into the allocator's way; false: none. */
bool work_special(const char *verb, size_t bytes);

#endif
