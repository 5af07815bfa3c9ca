/* SPDX-License-Identifier: MIT */
#include "cmd/view.h"

#include "target/threads.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_consistency(struct context *context, const struct model *model,
                            size_t objects)
{
    struct consistency consistency = {
        .known = true,
        .stopped = target_mode(model->target) == MODE_STOP ||
                   target_kind(model->target) != TARGET_PROCESS,
        .retries = model->retries,
        .torn = model->torn_heaps + model->torn_zones,
        .unverified = objects,
    };

    output_consistency(context->output, &consistency);
}

struct model *view_begin(struct context *context, bool held)
{
    struct model *model =
        held ? model_load_held(context->target, context->failure)
             : model_load(context->target, context->failure);

    if (model != NULL)
        say_consistency(context, model, model_unverified(model) >> PAGE_SHIFT);
    return model;
}

void view_unverified(struct context *context, const struct model *model,
                     size_t objects)
{
    say_consistency(context, model,
                    (model_unverified(model) >> PAGE_SHIFT) + objects);
}

enum status view_end(struct context *context, struct model *model,
                     enum status status)
{
    bool whole = model->faults == 0;

    (void)context;
    model_free(model);
    return status == STATUS_FINE && !whole ? STATUS_INCOMPLETE : status;
}

enum status view_heaps(struct context *context, const char *name,
                       const struct column *columns, size_t ncolumns,
                       view_row *row)
{
    struct model *model = view_begin(context, false);

    if (model == NULL)
        return context->failure->status;
    struct usage *usage = usage_count(model);
    struct table *table = table_begin(context->output, name, columns, ncolumns);
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        if (heap->address != 0 &&
            !row(table, model, heap, &usage->heaps[heap->heap.id]))
            break;
    }
    enum status status = table_end(table);
    usage_free(usage);
    return view_end(context, model, status);
}

struct model *view_live_blocks(struct context *context, struct guesser *guesser,
                               view_visit *visit, void *data,
                               const size_t *unread)
{
    static struct object_walk walk;
    struct object object;

    if (!target_has_content(context->target)) {
        (void)fail(context->failure, STATUS_INCOMPLETE,
                   "the snapshot has no contents: take one with `heapinspect "
                   "snap PID --content`");
        return NULL;
    }
    struct model *model = view_begin(context, true);
    if (model == NULL)
        return NULL;
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    guesser_begin(guesser, model);
    object_walk_begin(&walk, model, freelist);
    while (object_walk_next(&walk, &object)) {
        if (object.state == OBJECT_LIVE)
            visit(data, guesser, &object);
    }
    view_unverified(context, model, walk.unread + *unread);
    object_walk_end(&walk);
    freelist_free(freelist);
    return model;
}

bool view_address(const char *text, uintptr_t *address, const char **end)
{
    char *stop;

    if (!isxdigit((unsigned char)*text))
        return false;
    errno = 0;
    *address = strtoull(text, &stop, 16);
    *end = stop;
    return errno == 0;
}

const char *view_thread_name(struct target *target, uint32_t tid, char *text)
{
    char file[40];

    text[0] = '\0';
    if (tid == 0)
        return text;
    (void)snprintf(file, sizeof file, "task/%u/comm", tid);
    const char *comm = target_proc(target, file);
    if (comm != NULL)
        (void)snprintf(text, VIEW_NAME, "%.*s", (int)strcspn(comm, "\n"), comm);
    return text;
}

const char *view_heap_state(const struct heap *heap)
{
    switch ((enum heap_state)heap->state) {
    case HEAP_IDLE:
        return "idle";
    case HEAP_OWNED:
        return "owned";
    case HEAP_ORPHAN:
        return "orphan";
    }
    return "damaged";
}

const char *view_list_name(const struct free_label *label, char *text,
                           size_t size)
{
    text[0] = '\0';
    if (label == NULL)
        return text;
    switch ((enum free_where)label->where) {
    case WHERE_BIN:
    case WHERE_SPARE:
        (void)snprintf(text, size, "%s %u of heap %u",
                       free_where_names[label->where], label->index,
                       label->heap_id);
        break;
    case WHERE_BATCH:
        (void)snprintf(text, size, "batch %u of heap %u", label->index,
                       label->heap_id);
        break;
    case WHERE_SLAB:
    case WHERE_PENDING:
    case WHERE_QUARANTINE:
        (void)snprintf(text, size, "%s of heap %u",
                       free_where_names[label->where], label->heap_id);
        break;
    }
    return text;
}

const char *view_object_list(const struct freelist *freelist,
                             const struct object *object, char *text)
{
    if (object_is_cached(object)) {
        uintptr_t slot =
            object->block == BLOCK_CACHE ? object->start : object->mem;
        return view_list_name(freelist_find(freelist, slot), text, VIEW_NAME);
    }
    if (object->state != OBJECT_FREE || object->block == BLOCK_GUARDED)
        return NULL;
    if (object->block == BLOCK_SLAB || object->block == BLOCK_CACHE)
        return "slab";
    return (object->flags & CHUNK_FREE) != 0 ? "arena" : "none";
}

const char *view_flags(unsigned flags, char text[8])
{
    char *at = text;

    *at++ = (flags & PREV_INUSE) != 0 ? 'P' : '-';
    *at++ = (flags & IS_MMAPPED) != 0 ? 'M' : '-';
    *at++ = (flags & NON_MAIN_ARENA) != 0 ? 'A' : '-';
    *at++ = (flags & CHUNK_FREE) != 0 ? 'F' : '-';
    *at = '\0';
    return text;
}

const char *view_block_name(const struct model *model,
                            const struct block *block, char *text)
{
    const struct model_cache *cache = NULL;

    if (block->kind == BLOCK_CACHE)
        cache = model_cache(model, FAR_ADDRESS(block->slab->cache));
    if (block->kind == BLOCK_SLAB && block->slab->cls < NSLAB) {
        (void)snprintf(text, VIEW_NAME, "slab-%zu of heap %u",
                       size_class_bytes(block->slab->cls), block->heap_id);
    } else if (cache != NULL) {
        (void)snprintf(text, VIEW_NAME, "cache %s", cache->name);
    } else if (block->kind == BLOCK_SEGMENT) {
        (void)snprintf(text, VIEW_NAME, "arena %u%s", block->heap_id,
                       block->pfn == SIZE_MAX ? " (brk)" : "");
    } else if (block->kind == BLOCK_FREE) {
        (void)snprintf(text, VIEW_NAME, "free block of order %u", block->order);
    } else {
        (void)snprintf(text, VIEW_NAME, "%s", block_kind_names[block->kind]);
    }
    return text;
}
