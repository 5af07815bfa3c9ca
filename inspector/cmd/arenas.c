/* SPDX-License-Identifier: MIT */
/* arenas: one row a thread heap's arena, by its own counts. */
#include "cmd/view.h"

static const struct column columns[] = {
    {"ARENA", "arena", COLUMN_COUNT, false, "id of the arena and of its heap"},
    {"TID", "tid", COLUMN_COUNT, false, "thread that owns it"},
    {"THREAD", "thread", COLUMN_TEXT, false, "its name"},
    {"STATE", "state", COLUMN_TEXT, false,
     "owned; idle: its thread has ended and the next new one adopts it"},
    {"SEGMENTS", "segments", COLUMN_COUNT, false,
     "contiguous stretches of chunks"},
    {"SYSTEM", "system", COLUMN_BYTES, false, "memory of all segments"},
    {"INUSE", "inuse", COLUMN_BYTES, false,
     "chunks in the program's hands, headers included"},
    {"CACHED", "cached", COLUMN_BYTES, false,
     "chunks in thread bins, at least: goes back when the bins are drained"},
    {"FREE", "free", COLUMN_BYTES, false,
     "free chunks on the arena's bins: much of it beside much INUSE is "
     "fragmentation; see pins"},
    {"TOP", "top", COLUMN_BYTES, false,
     "the last chunk, from which new ones are cut; trimmed by trim_threshold"},
    {"DIRTY", "dirty", COLUMN_BYTES, false,
     "free chunks of 16 KiB and more that were not given back yet"},
    {"BRK", "brk", COLUMN_BYTES, true, "of SYSTEM, from the program break"},
    {"USE", "use", COLUMN_RATIO, false, "INUSE / SYSTEM"},
    {"TORN", "torn", COLUMN_COUNT, true,
     "1: it changed while it was copied; its figures may disagree"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static bool row(struct table *table, const struct model *model,
                const struct model_heap *heap, const struct heap_use *use)
{
    const struct arena *arena = &heap->heap.arena;
    size_t idle = use->free_chunks + use->top + use->chunk_cached;
    size_t inuse = use->segment_bytes > idle ? use->segment_bytes - idle : 0;
    char name[VIEW_NAME];
    struct value values[NCOLUMNS] = {
        value_number(heap->heap.id),
        value_nonzero(heap->heap.tid),
        value_text(view_thread_name(model->target, heap->heap.tid, name)),
        value_text(view_heap_state(&heap->heap)),
        value_number(use->segments),
        value_number(use->segment_bytes),
        value_number(inuse),
        value_number(use->chunk_cached),
        value_number(use->free_chunks),
        value_number(use->top),
        value_number(arena->dirty),
        value_number(use->brk_bytes),
        value_part(inuse, use->segment_bytes),
        value_number(heap->torn),
    };

    return table_row(table, values);
}

static enum status run(struct context *context)
{
    return view_heaps(context, "arenas", columns, NCOLUMNS, row);
}

const struct command cmd_arenas = {
    .name = "arenas",
    .arguments = "TARGET",
    .summary = "arenas: segments, chunks in use, cached and free, top",
    .example = "heapinspect arenas 1234 --sort free",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
