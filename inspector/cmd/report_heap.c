/* SPDX-License-Identifier: MIT */
/* Threads with their size classes and arenas, buddy lists, object caches. */
#include "cmd/report.h"
#include "render/html.h"

#include <stdlib.h>

static size_t binned_bytes(const struct heap_use *use)
{
    size_t bytes = 0;

    for (unsigned cls = 0; cls < NSLAB; cls++) {
        const struct class_use *it = &use->classes[cls];
        bytes += (it->binned + it->spare) * size_class_bytes(cls);
    }
    return bytes;
}

static json_t *heap_json(const struct report *report,
                         const struct model_heap *heap,
                         const struct heap_use *use)
{
    char name[VIEW_NAME];
    size_t idle = use->free_chunks + use->top + use->chunk_cached;
    size_t busy = use->segment_bytes > idle ? use->segment_bytes - idle : 0;

    (void)view_thread_name(report->target, heap->heap.tid, name);
    return json_pack(
        "{s:I, s:I, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I}",
        "id", (json_int_t)heap->heap.id, "tid", (json_int_t)heap->heap.tid,
        "name", html_text(name), "state", view_heap_state(&heap->heap), "slabs",
        (json_int_t)use->slab_bytes, "slab_live", (json_int_t)use->slab_live,
        "binned", (json_int_t)binned_bytes(use), "sending",
        (json_int_t)use->sending_bytes, "listed", (json_int_t)use->listed,
        "arena", (json_int_t)use->segment_bytes, "arena_live", (json_int_t)busy,
        "chunks_cached", (json_int_t)use->chunk_cached, "free_chunks",
        (json_int_t)use->free_chunks, "top", (json_int_t)use->top);
}

/* [heap, class, memory, live, cached, slabs, full, partial, empty] */
static void put_classes(json_t *list, uint32_t heap_id,
                        const struct heap_use *use)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        const struct class_use *it = &use->classes[cls];
        size_t size = size_class_bytes(cls);
        size_t memory = it->slabs * slab_bytes(cls);
        size_t live = class_live(it) * size;
        size_t cached = class_cached(it) * size;
        if (it->slabs == 0)
            continue;
        json_array_append_new(
            list, json_pack("[I,I,I,I,I,I,I,I,I]", (json_int_t)heap_id,
                            (json_int_t)size, (json_int_t)memory,
                            (json_int_t)live, (json_int_t)cached,
                            (json_int_t)it->slabs, (json_int_t)it->full,
                            (json_int_t)it->partial, (json_int_t)it->empty));
    }
}

/* Most memory first; of many threads' heaps only those are shown. */
static const struct usage *sorting;

static int by_memory(const void *a, const void *b)
{
    const struct heap_use *x = &sorting->heaps[*(const size_t *)a];
    const struct heap_use *y = &sorting->heaps[*(const size_t *)b];
    size_t more = x->slab_bytes + x->segment_bytes;
    size_t less = y->slab_bytes + y->segment_bytes;

    return (more < less) - (more > less);
}

static void put_heaps(struct report *report)
{
    const struct model *model = report->model;
    json_t *heaps = json_array();
    json_t *classes = json_array();
    size_t *order = calloc(model->nheaps + 1, sizeof *order);
    size_t count = 0;

    for (size_t i = 0; i < model->nheaps && order != NULL; i++) {
        if (model->heaps[i].address != 0)
            order[count++] = i + 1;
    }
    sorting = report->usage;
    if (count > 1)
        qsort(order, count, sizeof *order, by_memory);
    for (size_t i = 0; i < count && i < REPORT_ROWS; i++) {
        const struct heap_use *use = &report->usage->heaps[order[i]];
        const struct model_heap *heap = &model->heaps[order[i] - 1];
        json_array_append_new(heaps, heap_json(report, heap, use));
        put_classes(classes, heap->heap.id, use);
    }
    if (count > REPORT_ROWS) {
        report_left_out(report, "%zu threads with little memory",
                        count - REPORT_ROWS);
    }
    free(order);
    json_object_set_new(report->root, "heaps", heaps);
    json_object_set_new(report->root, "classes", classes);
}

struct order_sum {
    size_t blocks;
    size_t bytes;
    size_t resident;
};

static void count_orders(const struct report *report, struct order_sum *sums)
{
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, report->model);
    while (block_walk_next(&walk, &block)) {
        if (block.kind != BLOCK_FREE || block.order >= NORDERS)
            continue;
        struct order_sum *sum = &sums[block.order];
        struct cell_sum cells = {0};
        sum->blocks++;
        sum->bytes += block.size;
        for (size_t at = 0; at < block.size; at += CELL_BYTES) {
            const struct cell *cell =
                picture_cell(report->picture, block.start + at);
            if (cell != NULL)
                cells_add(&cells, cell, 1);
        }
        sum->resident += cells.resident;
    }
}

/* By order: the unusable part is free memory in smaller blocks. */
static void put_buddy(struct report *report)
{
    struct order_sum sums[NORDERS] = {{0}};
    json_t *orders = json_array();
    size_t total = 0;
    size_t below = 0;

    count_orders(report, sums);
    for (unsigned order = 0; order < NORDERS; order++)
        total += sums[order].bytes;
    for (unsigned order = 0; order < NORDERS; order++) {
        const struct order_sum *sum = &sums[order];
        size_t size = (size_t)PAGE_BYTES << order;
        json_array_append_new(
            orders,
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:f}", "order",
                      (json_int_t)order, "size", (json_int_t)size, "blocks",
                      (json_int_t)sum->blocks, "bytes", (json_int_t)sum->bytes,
                      "resident", (json_int_t)sum->resident, "unusable",
                      total > 0 ? (double)below / (double)total : 0.0));
        below += sum->bytes;
    }
    json_object_set_new(report->root, "buddy", orders);
}

static void put_caches(struct report *report)
{
    const struct model *model = report->model;
    json_t *caches = json_array();

    for (size_t i = 0; i < model->ncaches && i < REPORT_ROWS; i++) {
        const struct model_cache *cache = &model->caches[i];
        json_array_append_new(caches,
                              json_pack("{s:o, s:I, s:I, s:I}", "name",
                                        html_text(cache->name), "size",
                                        (json_int_t)cache->size, "live",
                                        (json_int_t)cache->live, "slabs",
                                        (json_int_t)cache->slabs.nr_slabs));
    }
    json_object_set_new(report->root, "caches", caches);
}

void report_heap(struct report *report)
{
    put_heaps(report);
    put_buddy(report);
    put_caches(report);
}
