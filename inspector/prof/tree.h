/* SPDX-License-Identifier: MIT */
#ifndef PROF_TREE_H
#define PROF_TREE_H
/*
 * The stacks of a profile as a tree of calls, for flame graphs: of one
 * target, or of two by the names of their functions.
 *
 *   nodes[0] all --- main --- parse --- new_node
 *                     +------ read_file
 */
#include "prof/index_map.h"
#include "prof/stack.h"
#include "prof/values.h"

#include <jansson.h>

struct tree_node {
    uint32_t name;
    uint32_t parent; /* below its own index; the root's: 0 */
    /* Of it and all below, of each target. */
    uint64_t value[2][NMETRICS];
};

struct tree {
    struct tree_node *nodes;
    size_t count;
    const char **names;
    size_t nnames;
    struct interned *texts;
    struct index_map name_map;
    struct index_map node_map; /* parent << 32 | name */
    unsigned targets;          /* 1, or 2: the first is before */
    bool knows_resident;
    size_t folded; /* nodes left out for their size */
};

struct tree *tree_begin(void);
void tree_free(struct tree *tree);

/* Adds a target, the second one to compare it with the first. */
void tree_add(struct tree *tree, const struct profile *profile,
              const struct prof_figures *figures, struct symbols *symbols,
              uint64_t unattributed);

/* Sums up, and leaves the `most` largest: others count for their callers. */
void tree_finish(struct tree *tree, size_t most);

/*
 * {metrics: [{key, meaning, bytes, known}], names: [], nodes: [[name, parent,
 * values...]], before: [[values...]] or null, folded}
 */
json_t *tree_json(const struct tree *tree);

/* As a picture of its own, of one metric. */
bool tree_svg(const struct tree *tree, enum metric metric, const char *title,
              FILE *stream);

#endif
