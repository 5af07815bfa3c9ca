/* SPDX-License-Identifier: MIT */
/* threads: what each thread's heap keeps, and what is on its way. */
#include "cmd/view.h"

static const struct column columns[] = {
    {"HEAP", "heap", COLUMN_COUNT, false, "id of the thread heap"},
    {"TID", "tid", COLUMN_COUNT, false, "thread that owns it"},
    {"NAME", "name", COLUMN_TEXT, false, "the thread's name"},
    {"STATE", "state", COLUMN_TEXT, false,
     "owned; idle: its thread has ended, all it holds waits for a new one"},
    {"LIVE", "live", COLUMN_BYTES, false,
     "slab objects that the program holds of this heap"},
    {"BINNED", "binned", COLUMN_BYTES, false,
     "objects in its bins and spares; bounded by bin_bytes and cache_bytes"},
    {"CHUNKS", "chunks", COLUMN_BYTES, false, "chunks in its bins, at least"},
    {"LISTED", "listed", COLUMN_BYTES, false, "free pages on its page list"},
    {"SENDING", "sending", COLUMN_BYTES, false,
     "freed for other heaps, not sent yet: at most 64 objects a slab"},
    {"COMING", "coming", COLUMN_BYTES, false,
     "freed by other threads; its next refill or tick takes them"},
    {"PENDING", "pending", COLUMN_BYTES, false,
     "of those, pushed since it last took any"},
    {"SLABS", "slabs", COLUMN_BYTES, false, "memory of its slabs"},
    {"ARENA", "arena", COLUMN_BYTES, false, "memory of its arena"},
    {"TORN", "torn", COLUMN_COUNT, true,
     "1: it changed while it was copied; its figures may disagree"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static bool row(struct table *table, const struct model *model,
                const struct model_heap *heap, const struct heap_use *use)
{
    size_t binned = 0;
    size_t coming = 0;
    char name[VIEW_NAME];

    for (unsigned cls = 0; cls < NSLAB; cls++) {
        const struct class_use *it = &use->classes[cls];
        size_t size = size_class_bytes(cls);
        binned += (it->binned + it->spare) * size;
        coming += (it->remote + it->batched) * size;
    }
    struct value values[NCOLUMNS] = {
        value_number(heap->heap.id),
        value_nonzero(heap->heap.tid),
        value_text(view_thread_name(model->target, heap->heap.tid, name)),
        value_text(view_heap_state(&heap->heap)),
        value_number(use->slab_live),
        value_number(binned),
        value_number(use->chunk_cached),
        value_number(use->listed),
        value_number(use->sending_bytes),
        value_number(coming),
        value_number(heap->heap.pending_bytes),
        value_number(use->slab_bytes),
        value_number(use->segment_bytes),
        value_number(heap->torn),
    };
    return table_row(table, values);
}

static enum status run(struct context *context)
{
    return view_heaps(context, "threads", columns, NCOLUMNS, row);
}

const struct command cmd_threads = {
    .name = "threads",
    .arguments = "TARGET",
    .summary = "caches per thread: bins, page lists, batches on their way",
    .example = "heapinspect threads 1234 --sort binned",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
