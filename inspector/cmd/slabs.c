/* SPDX-License-Identifier: MIT */
/* slabs: slabtop's columns; one row a size class, or a class and thread. */
#include "cmd/view.h"
#include "walk/usage.h"

#include <stdio.h>

static const struct column columns[] = {
    {"OBJS", "objs", COLUMN_COUNT, false, "slots of all slabs"},
    {"ACTIVE", "active", COLUMN_COUNT, false, "objects in the program's hands"},
    {"USE", "use", COLUMN_RATIO, false,
     "ACTIVE / OBJS: low with many slabs is fragmentation; see pins"},
    {"OBJ_SIZE", "obj_size", COLUMN_BYTES, false, "bytes of an object"},
    {"SLABS", "slabs", COLUMN_COUNT, false, "32 KiB each"},
    {"OBJ/SLAB", "obj_per_slab", COLUMN_COUNT, false, "slots of a slab"},
    {"CACHE_SIZE", "cache_size", COLUMN_BYTES, false, "memory of the slabs"},
    {"NAME", "name", COLUMN_TEXT, false, "size class, or object cache"},
    {"FULL", "full", COLUMN_COUNT, false, "slabs without a free object"},
    {"PARTIAL", "partial", COLUMN_COUNT, false, "slabs with some"},
    {"EMPTY", "empty", COLUMN_COUNT, false,
     "slabs kept for the next burst: one a class at most"},
    {"CACHED", "cached", COLUMN_COUNT, false,
     "free objects in bins and on their way: they keep slabs from going"},
    {"TORN", "torn", COLUMN_COUNT, true, "heaps that changed meanwhile"},
    {"HEAP", "heap", COLUMN_COUNT, true, "owner, with --per-thread"},
    {"TID", "tid", COLUMN_COUNT, true, "its thread"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static bool class_row(struct table *table, const struct heap *heap,
                      unsigned cls, const struct class_use *use, size_t torn)
{
    size_t size = size_class_bytes(cls);
    size_t per_slab = (PAGE_BYTES / size) << slab_order(cls);
    char name[VIEW_NAME];

    if (heap != NULL) {
        (void)snprintf(name, sizeof name, "size-%zu/%u", size, heap->id);
    } else {
        (void)snprintf(name, sizeof name, "size-%zu", size);
    }
    struct value values[NCOLUMNS] = {
        value_number(use->objects),
        value_number(class_live(use)),
        value_part(class_live(use), use->objects),
        value_number(size),
        value_number(use->slabs),
        value_number(per_slab),
        value_number(use->slabs * slab_bytes(cls)),
        value_text(name),
        value_number(use->full),
        value_number(use->partial),
        value_number(use->empty),
        value_number(class_cached(use)),
        value_number(torn),
        value_nonzero(heap != NULL ? heap->id : 0),
        value_nonzero(heap != NULL ? heap->tid : 0),
    };
    return table_row(table, values);
}

static bool heap_rows(struct table *table, const struct heap *heap,
                      const struct heap_use *use, size_t torn)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        if (use->classes[cls].slabs > 0 &&
            !class_row(table, heap, cls, &use->classes[cls], torn))
            return false;
    }
    return true;
}

/* Slabs of one object cache, which has no thread. */
static struct class_use cache_use(const struct model *model,
                                  const struct model_cache *cache)
{
    struct class_use use = {0};
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        if (block.kind != BLOCK_CACHE ||
            FAR_ADDRESS(block.slab->cache) != cache->slabs_address)
            continue;
        use.slabs++;
        use.objects += block.slab->nobjects;
        use.inuse += block.slab->inuse;
        use.full += block.slab->on_list == SLAB_FULL;
        use.partial += block.slab->on_list == SLAB_PARTIAL;
        use.empty += block.slab->on_list == SLAB_EMPTY;
    }
    use.binned = use.inuse > cache->live ? use.inuse - cache->live : 0;
    return use;
}

static bool cache_row(struct table *table, const struct model *model,
                      const struct model_cache *cache)
{
    struct class_use use = cache_use(model, cache);
    size_t per_page = cache->slabs.objs_page;
    struct value values[NCOLUMNS] = {
        value_number(use.objects),
        value_number(class_live(&use)),
        value_part(class_live(&use), use.objects),
        value_number(cache->size),
        value_number(use.slabs),
        value_number(per_page << slab_order(NSLAB)),
        value_number(use.slabs * slab_bytes(NSLAB)),
        value_text(cache->name),
        value_number(use.full),
        value_number(use.partial),
        value_number(use.empty),
        value_number(class_cached(&use)),
        value_number(0),
        value_unknown(),
        value_unknown(),
    };

    return table_row(table, values);
}

static enum status run(struct context *context)
{
    bool per_thread = command_option(context, "per-thread") != NULL;
    struct model *model = view_begin(context, false);
    bool more = true;

    if (model == NULL)
        return context->failure->status;
    struct usage *usage = usage_count(model);
    struct table *table =
        table_begin(context->output, "slabs", columns, NCOLUMNS);
    if (!per_thread)
        more = heap_rows(table, NULL, &usage->heaps[0], model->torn_heaps);
    for (size_t i = 0; i < model->nheaps && per_thread && more; i++) {
        const struct model_heap *heap = &model->heaps[i];
        if (heap->address != 0)
            more =
                heap_rows(table, &heap->heap, &usage->heaps[i + 1], heap->torn);
    }
    for (size_t i = 0; i < model->ncaches && more; i++)
        more = cache_row(table, model, &model->caches[i]);
    enum status status = table_end(table);
    usage_free(usage);
    return view_end(context, model, status);
}

const struct command cmd_slabs = {
    .name = "slabs",
    .arguments = "TARGET",
    .summary = "slabs by size class, as slabtop shows the kernel's",
    .example = "heapinspect slabs 1234 --sort cache_size",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options = {{"per-thread", NULL, "one row a size class and thread"}},
};
