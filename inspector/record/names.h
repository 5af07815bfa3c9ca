/* SPDX-License-Identifier: MIT */
#ifndef RECORD_NAMES_H
#define RECORD_NAMES_H
/* Stacks of a record with names, by the modules that the file lists. */
#include "prof/stack.h"
#include "record/reader.h"

struct record_names {
    const struct record *record;
    struct symbols *symbols;
    uintptr_t frames[STACK_SYMBOLS]; /* of the stack named last */
    struct named_stack named;
};

struct record_names *names_begin(const struct record *record, bool debuginfod);
void names_end(struct record_names *names);

/* Never empty: no stack is one "[unknown]".  Valid until the next call. */
const struct named_stack *names_of(struct record_names *names, uint32_t stack);

#endif
