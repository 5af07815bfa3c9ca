/* SPDX-License-Identifier: MIT */
#include "prof/tree.h"

#include "memory.h"
#include "prof/export.h"
#include "symbol/interned.h"

#include <stdlib.h>

static uint32_t name_of(struct tree *tree, const char *text)
{
    text = interned_text(tree->texts, text);
    uint32_t index = index_map_add(&tree->name_map, index_key(text));
    if (index == tree->nnames) {
        tree->names = xgrow(tree->names, tree->nnames, sizeof *tree->names);
        tree->names[tree->nnames++] = text;
    }
    return index;
}

static void push(struct tree *tree, uint32_t name, uint32_t parent)
{
    tree->nodes = xgrow(tree->nodes, tree->count, sizeof *tree->nodes);
    tree->nodes[tree->count++] =
        (struct tree_node){.name = name, .parent = parent};
}

/* The root has no key: children begin with 1. */
static uint32_t child_of(struct tree *tree, uint32_t parent, const char *text)
{
    uint32_t name = name_of(tree, text);
    uint32_t index =
        index_map_add(&tree->node_map, (uint64_t)parent << 32 | name) + 1;

    if (index == tree->count)
        push(tree, name, parent);
    return index;
}

struct tree *tree_begin(void)
{
    struct tree *tree = xcalloc(1, sizeof *tree);

    tree->texts = interned_begin();
    push(tree, name_of(tree, "all"), 0);
    return tree;
}

void tree_free(struct tree *tree)
{
    if (tree == NULL)
        return;
    interned_end(tree->texts);
    index_map_free(&tree->name_map);
    index_map_free(&tree->node_map);
    free(tree->names);
    free(tree->nodes);
    free(tree);
}

void tree_add(struct tree *tree, const struct profile *profile,
              const struct prof_figures *figures, struct symbols *symbols,
              uint64_t unattributed)
{
    static struct named_stack named;
    unsigned side = tree->targets++;

    tree->knows_resident =
        profile->knows_resident && (side == 0 || tree->knows_resident);
    for (size_t i = 0; i < profile->nstacks; i++) {
        uint32_t node = 0;
        if (figures[i].samples == 0)
            continue;
        stack_name(profile, symbols, i, &named);
        for (size_t at = named.count; at-- > 0;)
            node = child_of(tree, node, named.symbols[at]->function);
        for (unsigned metric = 0; metric < NMETRICS; metric++)
            tree->nodes[node].value[side][metric] += figures[i].value[metric];
    }
    if (unattributed > 0) {
        uint32_t rest = child_of(tree, 0, EXPORT_UNATTRIBUTED);
        tree->nodes[rest].value[side][METRIC_LIVE_BYTES] += unattributed;
    }
}

static void add_up(struct tree *tree)
{
    for (size_t i = tree->count; i-- > 1;) {
        const struct tree_node *node = &tree->nodes[i];
        struct tree_node *parent = &tree->nodes[node->parent];
        for (unsigned metric = 0; metric < NMETRICS; metric++) {
            parent->value[0][metric] += node->value[0][metric];
            parent->value[1][metric] += node->value[1][metric];
        }
    }
}

/* The largest part that a node has in any metric of any target. */
static double weight_of(const struct tree *tree, size_t index)
{
    double most = 0;

    for (unsigned side = 0; side < tree->targets; side++) {
        for (unsigned metric = 0; metric < NMETRICS; metric++) {
            double all = (double)tree->nodes[0].value[side][metric];
            double part = (double)tree->nodes[index].value[side][metric];
            if (all > 0 && part / all > most)
                most = part / all;
        }
    }
    return most;
}

static int by_weight(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a < b) - (a > b);
}

/* A node weighs no more than its parent, so what stays is a tree. */
static void fold(struct tree *tree, size_t most)
{
    double *weights = xcalloc(tree->count, 2 * sizeof *weights);
    double *sorted = weights + tree->count;
    uint32_t *moved = xcalloc(tree->count, sizeof *moved);
    size_t kept = 0;

    for (size_t i = 0; i < tree->count; i++)
        weights[i] = sorted[i] = weight_of(tree, i);
    qsort(sorted, tree->count, sizeof *sorted, by_weight);
    double least = sorted[most];
    for (size_t i = 0; i < tree->count; i++) {
        if (i > 0 && weights[i] <= least)
            continue;
        struct tree_node node = tree->nodes[i];
        moved[i] = (uint32_t)kept;
        node.parent = moved[node.parent];
        tree->nodes[kept++] = node;
    }
    tree->folded = tree->count - kept;
    tree->count = kept;
    free(weights);
    free(moved);
}

void tree_finish(struct tree *tree, size_t most)
{
    add_up(tree);
    if (tree->count > most)
        fold(tree, most);
}
