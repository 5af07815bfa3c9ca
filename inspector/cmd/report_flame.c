/* SPDX-License-Identifier: MIT */
/* The stacks of a profile: the page's flame graph. */
#include "cmd/report.h"
#include "prof/tree.h"

void report_flame(struct report *report)
{
    struct profiled *profiled = &report->profiled;

    if (profiled->profile == NULL) {
        json_object_set_new(report->root, "flame", json_null());
        return;
    }
    struct tree *tree = tree_begin();
    tree_add(tree, profiled->profile, profiled->figures, profiled->symbols,
             profiled_unattributed(profiled));
    tree_finish(tree, REPORT_NODES);
    json_object_set_new(report->root, "flame", tree_json(tree));
    if (tree->folded > 0) {
        report_left_out(report, "%zu small frames of the flame graph",
                        tree->folded);
    }
    tree_free(tree);
    profiled_end(profiled);
}
