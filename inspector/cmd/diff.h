/* SPDX-License-Identifier: MIT */
#ifndef CMD_DIFF_H
#define CMD_DIFF_H
/*
 * Figures of several targets side by side: processes, cores, snapshots of one
 * process at different times.
 */
#include "cmd/view.h"

enum { FIGURE_NAME = 112, FIGURE_SIDES = 10000 };

/* The groups, in the order in which they are shown. */
enum figure_by { BY_TOTAL, BY_PAGES, BY_CLASS, BY_ARENA, BY_STACK, BY_VMA };
enum { NFIGURE_BYS = BY_VMA + 1 };
extern const char *const figure_by_names[NFIGURE_BYS];

struct figure {
    enum figure_by by;
    char name[FIGURE_NAME];
    size_t *bytes; /* a side */
};

struct figures {
    struct figure *all;
    size_t count;
    size_t nsides;
    size_t nprofiles; /* sides that have one */
    bool by_hash;     /* stacks, for sides are many and of one process */
    struct consistency consistency; /* of all sides */
};

/* False: the target has no heap that can be read; said in *failure. */
bool figures_collect(struct figures *figures, size_t side,
                     struct target *target, struct failure *failure);
void figures_free(struct figures *figures);

/* diff of more than two: what grew, and never shrank. */
enum status diff_series(struct context *context);

#endif
