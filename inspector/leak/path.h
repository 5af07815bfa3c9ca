/* SPDX-License-Identifier: MIT */
#ifndef LEAK_PATH_H
#define LEAK_PATH_H
/*
 * Who points to one block, how a root leads to it, and what would go with it.
 * Keeps a word for each live block: more memory than leaks.h needs.
 */
#include "leak/leaks.h"

enum { REFS_MAX = 1 << 16 };

/* A word that points into the block. */
struct path_ref {
    uintptr_t slot; /* where it lies */
    uintptr_t word;
    bool lost; /* in a block that is itself unreachable */
};

/* One word of a path: it lies in a root, or in the block before. */
struct path_step {
    uintptr_t slot;
    const struct root *root; /* NULL: in the block `holder` */
    uintptr_t holder;
    uintptr_t block; /* that it points into */
    size_t size;     /* of that block */
};

struct path {
    struct leak_index *index;
    struct roots roots;
    struct reach reach;
    struct leak_ref block;
    size_t size; /* usable bytes of it */
    bool reachable;
    struct path_ref *refs; /* the first REFS_MAX */
    size_t nrefs;
    size_t more; /* that were not kept */
    bool after;  /* what is scanned now is unreachable */
};

/* Of the block that holds `address`; false: no live one does. */
bool path_find(const struct model *model, const struct freelist *freelist,
               bool interior, uintptr_t address, struct path *path);
void path_free(struct path *path);

/* The way from a root, allocated: free it; NULL: unreachable.  The last steps
   are dropped beyond `most`; *more: how many. */
struct path_step *path_steps(const struct path *path, size_t most,
                             size_t *count, size_t *more);

/* What no root would reach without the block, itself included.  The marks are
   gone afterwards: no path_steps() any more. */
void path_retained(struct path *path, size_t *objects, size_t *bytes);

#endif
