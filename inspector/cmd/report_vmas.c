/* SPDX-License-Identifier: MIT */
/* The mappings, with what of each is the heap's. */
#include "cmd/report.h"
#include "kernel/regions.h"
#include "render/html.h"

#include <stdlib.h>

/* Sums of the picture's cells within a mapping. */
static struct cell_sum sum_of(const struct picture *picture,
                              const struct vma *vma)
{
    struct cell_sum sum = {0};

    for (size_t i = 0; i < picture->count; i++) {
        const struct stretch *it = &picture->stretches[i];
        uintptr_t end = it->start + it->count * CELL_BYTES;
        if (it->start >= vma->end || end <= vma->start)
            continue;
        size_t from =
            vma->start > it->start ? (vma->start - it->start) / CELL_BYTES : 0;
        size_t to = vma->end < end
                        ? (vma->end - it->start + CELL_BYTES - 1) / CELL_BYTES
                        : it->count;
        cells_add(&sum, it->cells + from, to - from);
    }
    return sum;
}

static json_t *vma_json(const struct report *report, const struct vma *vma,
                        const struct regions *regions)
{
    char text[256];
    struct cell_sum sum = sum_of(report->picture, vma);

    (void)regions_describe(regions, vma->start, vma->end, text, sizeof text);
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:I, s:I}",
                     "start", report_address(report, vma->start), "size",
                     (json_int_t)(vma->end - vma->start), "rss",
                     (json_int_t)vma->rss, "swap", (json_int_t)vma->swap, "thp",
                     (json_int_t)vma->anon_huge, "lazyfree",
                     (json_int_t)vma->lazyfree, "perm", vma->prot, "name",
                     html_text(vma->name), "region", html_text(text), "live",
                     (json_int_t)sum.live, "held", (json_int_t)sum.held);
}

/* Small ones go first when there are too many. */
static size_t least_rss(const struct vma *vmas, size_t count)
{
    size_t least = 0;
    size_t shown = count;

    while (shown > REPORT_VMAS) {
        least = 2 * least + 1;
        shown = 0;
        for (size_t i = 0; i < count; i++)
            shown += vmas[i].rss >= least;
    }
    return least;
}

void report_vmas(struct report *report)
{
    struct regions regions = {0};
    json_t *list = json_array();
    size_t count;
    size_t rss = 0;
    size_t left_out = 0;
    const struct vma *vmas = target_vmas(report->target, &count);
    size_t least = least_rss(vmas, count);

    regions_find(report->model, &regions);
    for (size_t i = 0; i < count; i++) {
        rss += vmas[i].rss;
        if (vmas[i].rss >= least) {
            json_array_append_new(list, vma_json(report, &vmas[i], &regions));
        } else {
            left_out++;
        }
    }
    if (left_out > 0)
        report_left_out(report, "%zu small mappings of the table", left_out);
    regions_free(&regions);
    json_object_set_new(report->root, "vmas", list);
    json_object_set_new(report->root, "rss", report_number(rss));
}
