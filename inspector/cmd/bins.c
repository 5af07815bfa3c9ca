/* SPDX-License-Identifier: MIT */
/* bins: what each thread's bins hold; with --arena, the arenas' bins. */
#include "cmd/view.h"
#include "walk/far_list.h"

#include <stdio.h>

static const struct column columns[] = {
    {"HEAP", "heap", COLUMN_COUNT, false, "id of the thread heap"},
    {"TID", "tid", COLUMN_COUNT, false, "thread that owns it"},
    {"BIN", "bin", COLUMN_COUNT, false, "index in the heap"},
    {"KIND", "kind", COLUMN_TEXT, false, "slab objects or chunks"},
    {"SIZE", "size", COLUMN_BYTES, false, "size class"},
    {"COUNT", "count", COLUMN_COUNT, false, "objects ready to be handed out"},
    {"SPARE", "spare", COLUMN_COUNT, false, "objects on the parked chain"},
    {"LIMIT", "limit", COLUMN_COUNT, false,
     "objects it holds before the next one spills"},
    {"CAP", "cap", COLUMN_COUNT, false,
     "wanted capacity; doubles while spills are followed by refills"},
    {"BYTES", "bytes", COLUMN_BYTES, false,
     "in the bin and its spare: held by the thread, free to the program"},
    {"DRAINED", "drained", COLUMN_COUNT, true,
     "1: kept empty, since it was not used or only pinned slabs"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static bool bin_row(struct table *table, const struct heap *heap,
                    unsigned index)
{
    const struct bin *bin = &heap->bins[index];
    bool is_slab = index < NSLAB;
    size_t size = size_class_bytes(is_slab ? index : index - NSLAB);
    size_t count = bin_count(bin);
    bool drained = FAR_ADDRESS(bin->spare) != 0 && bin->spare_count == 0;
    struct value values[NCOLUMNS] = {
        value_number(heap->id),
        value_nonzero(heap->tid),
        value_number(index),
        value_text(is_slab ? "slab" : "chunk"),
        value_number(size),
        value_number(count),
        value_number(bin->spare_count),
        value_number(bin->limit > 0 ? (uint64_t)bin->limit : 0),
        value_number(heap->cap[index]),
        value_number((count + bin->spare_count) *
                     (size + (is_slab ? 0 : CHUNK_HEADER))),
        value_number(drained),
    };

    return table_row(table, values);
}

static void bins_rows(struct table *table, const struct model *model)
{
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        for (unsigned index = 0; index < NHEAPBINS && heap->address != 0;
             index++) {
            /* A bin that was never used says nothing. */
            if (heap->heap.cap[index] != 0 &&
                !bin_row(table, &heap->heap, index))
                return;
        }
    }
}

static const struct column arena_columns[] = {
    {"ARENA", "arena", COLUMN_COUNT, false, "id of the arena"},
    {"BIN", "bin", COLUMN_TEXT, false, "index, or unsorted"},
    {"FROM", "from", COLUMN_BYTES, false, "smallest chunk of the bin"},
    {"TO", "to", COLUMN_BYTES, false, "largest chunk found on it"},
    {"CHUNKS", "chunks", COLUMN_COUNT, false, "free chunks on it"},
    {"BYTES", "bytes", COLUMN_BYTES, false,
     "free for requests of its size and below"},
    {"CLEAN", "clean", COLUMN_BYTES, false,
     "of these, given back to the kernel already"},
    {"BROKEN", "broken", COLUMN_COUNT, true,
     "1: the list is damaged, or changed while it was walked; see check"},
};
enum { NARENA_COLUMNS = sizeof arena_columns / sizeof *arena_columns };

struct ring_sum {
    size_t chunks;
    size_t bytes;
    size_t clean;
    size_t largest;
    bool broken;
};

/* A circular list of free chunks, from its newest. */
static void ring_walk(const struct model *model, uintptr_t first,
                      struct ring_sum *sum)
{
    uintptr_t at = first;
    uintptr_t prev = 0;

    *sum = (struct ring_sum){0};
    do {
        struct chunk chunk;
        if (sum->chunks >= FAR_LIST_MAX ||
            !far_read(model->target, at, &chunk, sizeof chunk) ||
            (chunk.size_flags & CHUNK_FREE) == 0 ||
            (prev != 0 && FAR_ADDRESS(chunk.bk) != prev)) {
            sum->broken = true;
            return;
        }
        size_t size = chunk_word_size(chunk.size_flags);
        sum->chunks++;
        sum->bytes += size;
        sum->clean += size >= PURGE_CHUNK ? chunk.clean : 0;
        sum->largest = size > sum->largest ? size : sum->largest;
        prev = at;
        at = FAR_ADDRESS(chunk.fd);
    } while (at != first);
}

/* Least chunk size that bin_index() sends to the bin. */
static size_t bin_least(unsigned index)
{
    if (index < NSMALLBINS)
        return (size_t)index * 16;
    unsigned large = index - NSMALLBINS;
    return ((size_t)8 + large % 8) << (large / 8 + 7);
}

static bool ring_row(struct table *table, const struct model *model,
                     const struct model_heap *heap, unsigned index,
                     uintptr_t first)
{
    struct ring_sum sum;
    char name[16] = "unsorted";

    ring_walk(model, first, &sum);
    if (index < NBINS)
        (void)snprintf(name, sizeof name, "%u", index);
    struct value values[NARENA_COLUMNS] = {
        value_number(heap->heap.id),
        value_text(name),
        index < NBINS ? value_number(bin_least(index)) : value_unknown(),
        value_number(sum.largest),
        value_number(sum.chunks),
        value_number(sum.bytes),
        value_number(sum.clean),
        value_number(sum.broken),
    };
    return table_row(table, values);
}

static void arena_rows(struct table *table, const struct model *model)
{
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        const struct arena *arena = &heap->heap.arena;
        for (unsigned index = 0; index <= NBINS; index++) {
            uintptr_t first = FAR_ADDRESS(index < NBINS ? arena->bins[index]
                                                        : arena->unsorted);
            if (first != 0 && !ring_row(table, model, heap, index, first))
                return;
        }
    }
}

static enum status run(struct context *context)
{
    bool of_arenas = command_option(context, "arena") != NULL;
    struct model *model = view_begin(context, of_arenas);

    if (model == NULL)
        return context->failure->status;
    struct table *table;
    if (of_arenas) {
        table = table_begin(context->output, "arena_bins", arena_columns,
                            NARENA_COLUMNS);
        arena_rows(table, model);
    } else {
        table = table_begin(context->output, "bins", columns, NCOLUMNS);
        bins_rows(table, model);
    }
    return view_end(context, model, table_end(table));
}

const struct command cmd_bins = {
    .name = "bins",
    .arguments = "TARGET",
    .summary = "bins of the thread heaps: count, spare, limit, bytes",
    .example = "heapinspect bins 1234 --filter 'bytes>64K'",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options = {{"arena", NULL, "the arenas' bins of free chunks instead"}},
};
