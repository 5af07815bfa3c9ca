/* SPDX-License-Identifier: MIT */
#ifndef PROF_STACK_H
#define PROF_STACK_H
/*
 * Stacks with names: inlined functions spelled out, the allocator's own
 * frames left out.
 */
#include "prof/profile.h"
#include "symbol/symbols.h"

enum {
    STACK_SYMBOLS = 512, /* of one stack, inlined functions included */
    STACK_TEXT = 8192,
};

struct named_stack {
    const struct symbol *symbols[STACK_SYMBOLS]; /* innermost first */
    size_t count;
    /* Of the frames that these come from, as profile_frames() has them. */
    const uintptr_t *frames;
    size_t nframes;
};

/* Never empty: what was not unwound is one "[unknown]". */
void stack_name(const struct profile *profile, struct symbols *symbols,
                size_t stack, struct named_stack *out);

/*
 * "inner < outer < ...": as many functions as there are, at most `most`, and
 * what is left is counted.
 */
const char *stack_text(const struct named_stack *stack, size_t most,
                       char text[STACK_TEXT]);

/* "outer;...;inner", for flame graphs. */
const char *stack_collapsed(const struct named_stack *stack,
                            char text[STACK_TEXT]);

#endif
