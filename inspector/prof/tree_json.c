/* SPDX-License-Identifier: MIT */
#include "prof/tree.h"

#include "render/html.h"

static json_t *metrics_json(const struct tree *tree)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < NMETRICS; i++) {
        enum metric metric = (enum metric)i;
        bool needs_pages = metric == METRIC_RESIDENT || metric == METRIC_PINNED;
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:b, s:b}", "key", metric_names[i], "meaning",
                      metric_meanings[i], "bytes", metric_is_bytes(metric),
                      "known", !needs_pages || tree->knows_resident));
    }
    return list;
}

static void append_values(json_t *list, const uint64_t value[NMETRICS])
{
    for (unsigned i = 0; i < NMETRICS; i++)
        json_array_append_new(list, json_integer((json_int_t)value[i]));
}

json_t *tree_json(const struct tree *tree)
{
    unsigned last = tree->targets - 1;
    json_t *names = json_array();
    json_t *nodes = json_array();
    json_t *before = last > 0 ? json_array() : json_null();

    for (size_t i = 0; i < tree->nnames; i++)
        json_array_append_new(names, html_text(tree->names[i]));
    for (size_t i = 0; i < tree->count; i++) {
        const struct tree_node *node = &tree->nodes[i];
        json_t *row = json_pack("[I, I]", (json_int_t)node->name,
                                (json_int_t)node->parent);
        append_values(row, node->value[last]);
        json_array_append_new(nodes, row);
        if (last == 0)
            continue;
        json_t *then = json_array();
        append_values(then, node->value[0]);
        json_array_append_new(before, then);
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:I}", "metrics", metrics_json(tree),
                     "names", names, "nodes", nodes, "before", before, "folded",
                     (json_int_t)tree->folded);
}
