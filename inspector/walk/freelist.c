/* SPDX-License-Identifier: MIT */
#include "walk/freelist.h"

#include "memory.h"
#include "walk/far_list.h"

#include <stdlib.h>

const char *const free_where_names[] = {
    [WHERE_BIN] = "bin",         [WHERE_SPARE] = "spare",
    [WHERE_BATCH] = "batch",     [WHERE_SLAB] = "slab remote",
    [WHERE_PENDING] = "pending", [WHERE_QUARANTINE] = "quarantine",
};

enum {
    ROOM_MIN = 1024,
};

struct builder {
    const struct model *model;
    struct freelist *list;
    freelist_fault *fault;
    void *data;
};

static size_t hash(uintptr_t mem, size_t room)
{
    return (size_t)((mem >> 4) * 0x9e3779b97f4a7c15u >> 20) & (room - 1);
}

static struct free_label *place_of(struct free_label *table, size_t room,
                                   uintptr_t mem)
{
    size_t i = hash(mem, room);

    while (table[i].mem != 0 && table[i].mem != mem)
        i = (i + 1) & (room - 1);
    return &table[i];
}

const struct free_label *freelist_find(const struct freelist *freelist,
                                       uintptr_t mem)
{
    if (mem == 0)
        return NULL;
    const struct free_label *label =
        place_of(freelist->table, freelist->room, mem);
    return label->mem != 0 ? label : NULL;
}

static void grow(struct freelist *list)
{
    size_t room = list->room * 2;
    struct free_label *table = xcalloc(room, sizeof *table);

    for (size_t i = 0; i < list->room; i++) {
        if (list->table[i].mem != 0)
            *place_of(table, room, list->table[i].mem) = list->table[i];
    }
    free(list->table);
    list->table = table;
    list->room = room;
}

/* False: it is on a list already. */
static bool insert(struct freelist *list, struct free_label label)
{
    if (list->count >= list->room / 2)
        grow(list);
    struct free_label *place = place_of(list->table, list->room, label.mem);
    if (place->mem != 0)
        return false;
    *place = label;
    list->count++;
    return true;
}

static void broken(struct builder *builder, const struct free_fault *fault,
                   size_t left)
{
    struct freelist *out = builder->list;

    if (out->broken++ == 0)
        out->broken_at = fault->list;
    out->unverified += left;
    if (builder->fault != NULL)
        builder->fault(builder->data, fault);
}

/* One object of a chain into the index; false: the chain ends here. */
static bool add_object(struct builder *builder, const struct free_label *label,
                       struct free_object *object, enum free_wrong *wrong)
{
    const struct model *model = builder->model;
    const void *view = label->mem % 16 == 0
                           ? far_view(model->target, label->mem, sizeof *object)
                           : NULL;

    *wrong = FREE_UNREADABLE;
    if (view == NULL)
        return false;
    __builtin_memcpy(object, view, sizeof *object);
    *wrong = FREE_UNMARKED;
    if (object->key != (model->object_secret ^ label->mem))
        return false;
    *wrong = FREE_TWICE;
    return insert(builder->list, *label);
}

/* The chain goes on at `mem` behind its count: by one object, or by many? */
static size_t too_many(struct builder *builder, uintptr_t mem)
{
    struct free_object object;
    const void *view = far_view(builder->model->target, mem, sizeof object);

    if (view == NULL)
        return SIZE_MAX;
    __builtin_memcpy(&object, view, sizeof object);
    return model_next(builder->model, mem, &object) == 0 ? 1 : SIZE_MAX;
}

/*
 * A chain of `count` objects (SIZE_MAX: until its end) of the list at
 * `list`.  Each must carry its mark, and be on no other list: so it ends.
 */
static void add_chain(struct builder *builder, struct free_label label,
                      uintptr_t list, uintptr_t mem, size_t count)
{
    struct free_fault fault = {.label = &label, .list = list};
    struct free_object object;

    for (; mem != 0 && fault.seen < count; fault.seen++) {
        label.mem = mem;
        if (!add_object(builder, &label, &object, &fault.wrong)) {
            broken(builder, &fault, count != SIZE_MAX ? count - fault.seen : 1);
            return;
        }
        mem = model_next(builder->model, mem, &object);
    }
    if (count == SIZE_MAX || (fault.seen == count && mem == 0))
        return;
    label.mem = mem;
    fault.wrong = FREE_COUNT;
    fault.off = mem != 0 ? too_many(builder, mem) : count - fault.seen;
    broken(builder, &fault, count - fault.seen);
}

static void add_bins(struct builder *builder, const struct model_heap *heap,
                     uintptr_t bins)
{
    for (unsigned i = 0; i < NHEAPBINS; i++) {
        const struct bin *bin = &heap->heap.bins[i];
        uintptr_t at = bins + i * sizeof *bin;
        struct free_label label = {
            .heap_id = heap->heap.id,
            .index = (uint16_t)i,
            .state = OBJECT_BINNED,
            .where = WHERE_BIN,
        };
        add_chain(builder, label, at, FAR_ADDRESS(bin->head), bin_count(bin));
        if (bin->spare_count == 0)
            continue;
        label.state = OBJECT_SPARE;
        label.where = WHERE_SPARE;
        add_chain(builder, label, at, FAR_ADDRESS(bin->spare),
                  bin->spare_count);
    }
}

static void add_batch(struct builder *builder, const struct model_heap *heap,
                      const struct remote_batch *batch, unsigned index,
                      uintptr_t at)
{
    struct free_label label = {
        .heap_id = heap->heap.id,
        .index = (uint16_t)index,
        .state = OBJECT_REMOTE,
        .where = WHERE_BATCH,
    };
    add_chain(builder, label, at, FAR_ADDRESS(batch->head), batch->count);
}

static void add_batches(struct builder *builder, const struct model_heap *heap)
{
    for (unsigned i = 0; i < NREMOTE; i++) {
        const struct remote_batch *batch = &heap->heap.remote[i];
        /* A batch that was sent has no slab, whatever its head says. */
        if (FAR_ADDRESS(batch->slab) != 0)
            add_batch(builder, heap, batch, i, heap->address);
    }
    for (unsigned i = 0; i < NREMOTE_CHUNK; i++) {
        const struct remote_batch *batch = &heap->heap.remote_chunk[i];
        if (FAR_ADDRESS(batch->head) != 0)
            add_batch(builder, heap, batch, NREMOTE + i, heap->address);
    }
    struct free_label label = {
        .heap_id = heap->heap.id,
        .state = OBJECT_REMOTE,
        .where = WHERE_PENDING,
    };
    add_chain(builder, label, heap->address,
              FAR_ADDRESS(heap->heap.pending_chunks), SIZE_MAX);
}

/* Hardened mode: freed blocks of any heap, which are linked to nothing. */
static void add_quarantine(struct builder *builder,
                           const struct model_heap *heap)
{
    uintptr_t at = FAR_ADDRESS(heap->heap.quarantine);
    struct free_label label = {
        .heap_id = heap->heap.id,
        .state = OBJECT_BINNED,
        .where = WHERE_QUARANTINE,
    };
    const char *slots = NULL;

    if (at != 0)
        slots = far_view(builder->model->target, at, sizeof(struct quarantine));
    if (slots == NULL)
        return;
    uint32_t count;
    __builtin_memcpy(&count, slots + offsetof(struct quarantine, count),
                     sizeof count);
    slots += offsetof(struct quarantine, slots);
    for (unsigned i = 0; i < count && i < QUARANTINE_SLOTS; i++) {
        struct quarantined block;
        __builtin_memcpy(&block, slots + i * sizeof block, sizeof block);
        label.mem = FAR_ADDRESS(block.mem);
        label.index = (uint16_t)i;
        if (label.mem != 0 && !insert(builder->list, label)) {
            struct free_fault fault = {
                .wrong = FREE_TWICE, .label = &label, .list = at, .seen = i};
            broken(builder, &fault, 1);
        }
    }
}

/* What others freed in a slab, linked from the first's index. */
static void add_remote(struct builder *builder, const struct block *block)
{
    const struct slab *slab = block->slab;
    uint32_t word = slab->remote;
    unsigned first = word & 0xffff;

    if (word == 0 || slab->cls >= NSLAB)
        return;
    size_t size = size_class_bytes(slab->cls);
    unsigned per_page = (unsigned)(PAGE_BYTES / size);
    struct free_label label = {
        .heap_id = block->heap_id,
        .state = OBJECT_REMOTE,
        .where = WHERE_SLAB,
    };
    uintptr_t mem = 0;
    if (first > 0 && first <= per_page << slab_order(slab->cls)) {
        unsigned index = first - 1;
        mem = block->start + ((uintptr_t)(index / per_page) << PAGE_SHIFT) +
              slab->colour * 16u + index % per_page * size;
    }
    add_chain(builder, label, block->page, mem, word >> 16);
}

struct freelist *freelist_build(const struct model *model,
                                freelist_fault *fault, void *data)
{
    struct freelist *list = xcalloc(1, sizeof *list);
    struct builder builder = {model, list, fault, data};
    size_t bins = far_offset(model->target, "heap", "bins");
    struct block_walk walk;
    struct block block;

    list->room = ROOM_MIN;
    list->table = xcalloc(list->room, sizeof *list->table);
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        if (heap->address == 0)
            continue;
        add_bins(&builder, heap,
                 heap->address +
                     (bins != SIZE_MAX ? bins : offsetof(struct heap, bins)));
        add_batches(&builder, heap);
        add_quarantine(&builder, heap);
    }
    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        if (block.kind == BLOCK_SLAB)
            add_remote(&builder, &block);
    }
    return list;
}

void freelist_free(struct freelist *freelist)
{
    if (freelist == NULL)
        return;
    free(freelist->table);
    free(freelist);
}
