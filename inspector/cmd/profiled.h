/* SPDX-License-Identifier: MIT */
#ifndef CMD_PROFILED_H
#define CMD_PROFILED_H
/* What the verbs of the profile share: a target with model, profile, names. */
#include "cmd/view.h"
#include "prof/stack.h"
#include "prof/values.h"

struct profiled {
    struct model *model;
    struct profile *profile;
    struct symbols *symbols;
    struct prof_figures *figures; /* by stack */
    struct prof_figures total;
    size_t heap_live; /* bytes, by the walk's own counts */
    bool owns_model;
};

enum profiled_needs {
    PROFILED_BLOCKS = 1, /* what the walk says of the sampled blocks */
    PROFILED_PINS = 2,   /* and what they hold */
};

/*
 * False with the failure filled.  The target is held while it is read, and
 * runs on afterwards.  End with profiled_end().
 */
bool profiled_begin(struct target *target, unsigned needs, bool debuginfod,
                    struct profiled *profiled, struct failure *failure);
void profiled_end(struct profiled *profiled);

/* The same for a model that a verb has already; false, said nowhere: there is
   no profile. */
bool profiled_attach(struct model *model, unsigned needs,
                     struct profiled *profiled);

/*
 * Live bytes of the heap = what was asked for + what its blocks were rounded
 * up by (METRIC_WASTE) + this: of before the profile was on.
 */
uint64_t profiled_unattributed(const struct profiled *profiled);

/* The sample of a live object; NULL: it was not sampled. */
const struct prof_sample *profiled_sample(const struct profiled *profiled,
                                          const struct object *object);

/* How long ago it was allocated. */
uint64_t profiled_age_ms(const struct profiled *profiled,
                         const struct prof_sample *sample);

/* All of its stack, innermost first. */
const char *profiled_stack(const struct profiled *profiled, size_t stack,
                           char text[STACK_TEXT]);

#endif
