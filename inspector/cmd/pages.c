/* SPDX-License-Identifier: MIT */
/* pages: the state of every block, as page-types shows the kernel's. */
#include "cmd/view.h"
#include "walk/resident.h"

static const struct column columns[] = {
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "of the block"},
    {"SIZE", "size", COLUMN_BYTES, false, "of the block"},
    {"FLAGS", "flags", COLUMN_TEXT, false,
     "B buddy, L page list, S slab, C cache, A arena, R run, U user pages, "
     "M mmapped, K kept mapping, G guarded sample, m metadata, ? unknown; "
     "slabs: f full, p "
     "partial, e empty, a active; r resident, h huge, s swapped, d dirty, t "
     "torn"},
    {"ORDER", "order", COLUMN_COUNT, false, "blocks of 2^ORDER pages"},
    {"OWNER", "owner", COLUMN_TEXT, false, "class, cache or arena"},
    {"HEAP", "heap", COLUMN_COUNT, false, "thread heap"},
    {"INUSE", "inuse", COLUMN_COUNT, false,
     "slabs: objects that are out, in use or cached"},
    {"OCCUPANCY", "page.occupancy", COLUMN_RATIO, false,
     "slabs: INUSE of all slots; runs and mappings: 1; free: 0"},
    {"RESIDENT", "resident", COLUMN_BYTES, false,
     "memory of the process in it"},
    {"HUGE", "huge", COLUMN_BYTES, true, "of that, in huge pages"},
    {"SWAPPED", "swapped", COLUMN_BYTES, true, "in swap"},
    {"DIRTY", "dirty", COLUMN_BYTES, true,
     "pages the kernel may hold memory for, by the allocator's bits"},
    {"PFN", "pfn", COLUMN_COUNT, true, "page frame in its zone"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static size_t dirty_bytes(const struct block *block)
{
    size_t dirty = 0;

    if (block->zone == NULL || block->pfn == SIZE_MAX)
        return 0;
    for (size_t i = 0; i < block->size >> PAGE_SHIFT; i++)
        dirty += zone_is_dirty(block->zone, block->pfn + i);
    return dirty << PAGE_SHIFT;
}

static bool is_torn(const struct model *model, const struct block *block)
{
    const struct model_heap *heap = model_heap(model, block->heap_id);

    return (heap != NULL && heap->torn) ||
           (heap == NULL && block->zone != NULL && block->zone->torn);
}

static void letters(const struct model *model, const struct block *block,
                    const struct resident_use *use, size_t dirty, char *text)
{
    static const char kinds[NBLOCKKINDS] = {
        [BLOCK_FREE] = 'B',  [BLOCK_LISTED] = 'L',  [BLOCK_SLAB] = 'S',
        [BLOCK_CACHE] = 'C', [BLOCK_SEGMENT] = 'A', [BLOCK_RUN] = 'R',
        [BLOCK_USER] = 'U',  [BLOCK_MMAP] = 'M',    [BLOCK_MMAP_KEPT] = 'K',
        [BLOCK_META] = 'm',  [BLOCK_UNKNOWN] = '?', [BLOCK_GUARDED] = 'G',
    };
    static const char lists[] = "fpea";

    *text++ = kinds[block->kind];
    if (block->slab != NULL)
        *text++ = block->slab->on_list < 4 ? lists[block->slab->on_list] : '?';
    if (use->resident > 0)
        *text++ = 'r';
    if (use->huge > 0)
        *text++ = 'h';
    if (use->swapped > 0)
        *text++ = 's';
    if (dirty > 0)
        *text++ = 'd';
    if (is_torn(model, block))
        *text++ = 't';
    *text = '\0';
}

/* What is out of it; chunks are not counted here: see frag. */
static struct value occupancy(const struct block *block)
{
    if (block->slab != NULL)
        return value_part(block->slab->inuse, block->slab->nobjects);
    switch (block->kind) {
    case BLOCK_RUN:
    case BLOCK_USER:
    case BLOCK_MMAP:
    case BLOCK_GUARDED:
    case BLOCK_META:
        return value_ratio(1);
    case BLOCK_FREE:
    case BLOCK_LISTED:
    case BLOCK_MMAP_KEPT:
        return value_ratio(0);
    case BLOCK_SLAB:
    case BLOCK_CACHE:
    case BLOCK_SEGMENT:
    case BLOCK_UNKNOWN:
    case NBLOCKKINDS:
        break;
    }
    return value_unknown();
}

static bool row(struct table *table, const struct model *model,
                struct resident *resident, const struct block *block)
{
    struct resident_use use = {0};
    char flags[16];
    char owner[VIEW_NAME];
    bool has_order = block->slab != NULL || block->kind == BLOCK_FREE ||
                     block->kind == BLOCK_LISTED;
    size_t dirty = dirty_bytes(block);

    resident_add(resident, block->start, block->size, &use);
    letters(model, block, &use, dirty, flags);
    struct value values[NCOLUMNS] = {
        value_number(block->start),
        value_number(block->size),
        value_text(flags),
        has_order ? value_number(block->order) : value_unknown(),
        value_text(view_block_name(model, block, owner)),
        value_nonzero(block->heap_id),
        block->slab != NULL ? value_number(block->slab->inuse)
                            : value_unknown(),
        occupancy(block),
        resident->known ? value_number(use.resident) : value_unknown(),
        value_number(use.huge),
        value_number(use.swapped),
        value_number(dirty),
        block->zone != NULL && block->pfn != SIZE_MAX ? value_number(block->pfn)
                                                      : value_unknown(),
    };
    return table_row(table, values);
}

static enum status run(struct context *context)
{
    struct model *model = view_begin(context, false);
    struct resident resident;
    struct block_walk walk;
    struct block block;

    if (model == NULL)
        return context->failure->status;
    resident_begin(&resident, context->target);
    struct table *table =
        table_begin(context->output, "pages", columns, NCOLUMNS);
    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block) &&
           row(table, model, &resident, &block))
        ;
    resident_end(&resident);
    return view_end(context, model, table_end(table));
}

const struct command cmd_pages = {
    .name = "pages",
    .arguments = "TARGET",
    .summary = "state of every block of pages: kind, owner, use, residency",
    .example = "heapinspect pages 1234 --filter 'page.occupancy<.25 && "
               "resident>0'",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
