/* SPDX-License-Identifier: MIT */
/* chunks: every chunk, streamed; with --all, slots, runs and pages too. */
#include "cmd/view.h"

static const struct column columns[] = {
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "what malloc returned"},
    {"START", "start", COLUMN_ADDRESS, true, "of its memory, with the header"},
    {"SIZE", "size", COLUMN_BYTES, false, "with header and rounding"},
    {"USABLE", "usable", COLUMN_BYTES, false, "malloc_usable_size()"},
    {"STATE", "state", COLUMN_TEXT, false,
     "live; binned, spare, remote: cached by threads; free; top; damaged"},
    {"KIND", "kind", COLUMN_TEXT, false, "arena, mmap, slab, cache, run, user"},
    {"ARENA", "arena", COLUMN_COUNT, false, "id of its arena or heap"},
    {"FLAGS", "flags", COLUMN_TEXT, false,
     "P the chunk before is in use, M mmapped, A not the main arena, F free"},
    {"LIST", "list", COLUMN_TEXT, false, "the list of free objects it is on"},
    {"CLEAN", "clean", COLUMN_BYTES, true,
     "of a free chunk: bytes given back to the kernel"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static bool row(struct table *table, const struct freelist *freelist,
                const struct object *object)
{
    char flags[8];
    char list[VIEW_NAME];
    bool is_chunk =
        object->block == BLOCK_SEGMENT || object->block == BLOCK_MMAP;
    struct value values[NCOLUMNS] = {
        value_number(object->mem),
        value_number(object->start),
        value_number(object->size),
        value_number(object->usable),
        value_text(object_state_names[object->state]),
        value_text(block_kind_names[object->block]),
        value_nonzero(object->heap_id),
        value_text(is_chunk ? view_flags(object->flags, flags) : NULL),
        value_text(view_object_list(freelist, object, list)),
        value_number(object->clean),
    };

    return table_row(table, values);
}

static enum status run(struct context *context)
{
    bool all = command_option(context, "all") != NULL;
    struct model *model = view_begin(context, true);

    if (model == NULL)
        return context->failure->status;
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    struct table *table =
        table_begin(context->output, "chunks", columns, NCOLUMNS);
    static struct object_walk walk;
    struct block_walk blocks;
    struct block block;
    struct object object;
    bool more = true;

    object_walk_begin(&walk, model, freelist);
    block_walk_begin(&blocks, model);
    while (more && block_walk_next(&blocks, &block)) {
        if (!all && block.kind != BLOCK_SEGMENT && block.kind != BLOCK_MMAP)
            continue;
        object_walk_block(&walk, &block);
        while (more && object_walk_in_block(&walk, &object))
            more =
                object.state == OBJECT_VIRGIN || row(table, freelist, &object);
    }
    view_unverified(context, model,
                    walk.faults + walk.unread + freelist->unverified);
    object_walk_end(&walk);
    freelist_free(freelist);
    return view_end(context, model, table_end(table));
}

const struct command cmd_chunks = {
    .name = "chunks",
    .arguments = "TARGET",
    .summary = "every chunk: address, size, state, flags, list",
    .example = "heapinspect chunks 1234 --filter 'size>4K && state==free'",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options = {{"all", NULL, "slots of slabs, runs and pages as well"}},
};
