/* SPDX-License-Identifier: MIT */
/* Heaps, mmapped chunks and object caches of a model. */
#include "memory.h"
#include "walk/far_list.h"
#include "walk/model_load.h"

#include <stdlib.h>
#include <string.h>

/* What is not mapped is no stretch of brk: sizes are the target's word. */
static void check_segment(struct model *model, struct segment *segment)
{
    if (segment->end <= segment->start ||
        target_is_mapped(model->target, segment->start,
                         segment->end - segment->start))
        return;
    *segment = (struct segment){0, 0};
    model->faults++;
}

static void check_segments(struct model *model, struct arena *arena)
{
    check_segment(model, &arena->brk);
    for (size_t i = 0; i < NBRK_OLD; i++)
        check_segment(model, &arena->brk_old[i]);
}

/* One heap by the table of pointers; a hole stays with address 0. */
static bool heap_load(struct model *model, uint32_t id, uintptr_t address)
{
    struct model_heap *heap = &model->heaps[id - 1];

    *heap = (struct model_heap){.address = address};
    if (far_struct(model->target, TYPE_ID_heap, address, &heap->heap) &&
        heap->heap.id == id) {
        check_segments(model, &heap->heap.arena);
        return true;
    }
    memset(heap, 0, sizeof *heap);
    heap->torn = true;
    return false;
}

void heaps_unload(struct model *model)
{
    sparse_free(model->heaps, (model->nheaps + 1) * sizeof *model->heaps);
    model->heaps = NULL;
    model->nheaps = 0;
}

bool heaps_load(struct model *model)
{
    const struct heap_root *root = target_root(model->target);
    uint64_t count = 0;

    if (!far_number(model->target, FAR_ADDRESS(root->heap_count), 4, &count) ||
        count == 0 || count > root->heaps.count || count > HEAPS_MAX)
        return false;
    heaps_unload(model);
    /* Aligned as struct heap asks, which malloc() does not promise. */
    model->heaps = sparse_alloc((size_t)count * sizeof *model->heaps);
    if (model->heaps == NULL)
        return false;
    model->nheaps = (size_t)count - 1;
    for (uint32_t id = 1; id < count; id++) {
        uintptr_t at =
            FAR_ADDRESS(root->heaps.start) + (size_t)id * root->heaps.stride;
        uintptr_t address = 0;
        if (!far_read(model->target, at, &address, sizeof address) ||
            !heap_load(model, id, address))
            model->faults++;
    }
    return true;
}

/* Two words of the live heap, looked at once more. */
bool heap_moved(const struct model *model, const struct model_heap *heap)
{
    size_t epoch_at = far_offset(model->target, "heap", "epoch");
    size_t helping_at = far_offset(model->target, "heap", "helping");
    uint64_t epoch;
    uint64_t helping;

    if (heap->address == 0 || epoch_at == SIZE_MAX || helping_at == SIZE_MAX ||
        !far_number(model->target, heap->address + epoch_at, 4, &epoch) ||
        !far_number(model->target, heap->address + helping_at, 4, &helping))
        return true;
    return (heap->heap.epoch & 1) != 0 || (heap->heap.helping & 1) != 0 ||
           epoch != heap->heap.epoch || helping != heap->heap.helping;
}

/*
 * Sizes are the target's word: they bound walks only if they are mapped, and
 * no more than `most`, the sum that the table tells.
 */
static void mmap_add(struct model *model, struct model_mmap mapping,
                     size_t most)
{
    if (mapping.size == 0 || mapping.size > most ||
        !target_is_mapped(model->target, mapping.start, mapping.size)) {
        model->faults++;
        return;
    }
    model->mmaps = xgrow(model->mmaps, model->nmmaps, sizeof mapping);
    model->mmaps[model->nmmaps++] = mapping;
}

static void record_add(struct model *model, uintptr_t at)
{
    model->records = xgrow(model->records, model->nrecords, sizeof at);
    model->records[model->nrecords++] = at;
}

/*
 * Records hang together by `next` alone: a mark, moved up at every power of
 * two steps, is met again in a cycle (Brent, 1980).
 */
static void bucket_load(struct model *model, unsigned bucket, uintptr_t at)
{
    struct mmap_record record;
    uintptr_t mark = 0;

    for (size_t steps = 1; at != 0; steps++) {
        if (at == mark || model->nrecords >= RECORDS_MAX ||
            !far_struct(model->target, TYPE_ID_mmap_record, at, &record) ||
            mmap_bucket(record.mem) != bucket || record.mem <= record.start ||
            record.mem - record.start > record.size ||
            record.start + record.size < record.start) {
            model->faults++;
            return;
        }
        struct model_mmap mapping = {record.mem, record.start, record.size};
        mmap_add(model, mapping, model->mmap_table->live_bytes);
        record_add(model, at);
        if ((steps & (steps - 1)) == 0)
            mark = at;
        at = FAR_ADDRESS(record.next);
    }
}

static int by_address(const void *a, const void *b)
{
    uintptr_t left = *(const uintptr_t *)a;
    uintptr_t right = *(const uintptr_t *)b;

    return (left > right) - (left < right);
}

static int by_start(const void *a, const void *b)
{
    const struct model_mmap *left = a;
    const struct model_mmap *right = b;

    return (left->start > right->start) - (left->start < right->start);
}

/* Sorted, each once: a cycle of records, or a torn look, repeats some. */
static void mmaps_sort(struct model *model)
{
    size_t kept = 0;

    if (model->nmmaps == 0)
        return;
    qsort(model->mmaps, model->nmmaps, sizeof *model->mmaps, by_start);
    for (size_t i = 1; i < model->nmmaps; i++) {
        const struct model_mmap *last = &model->mmaps[kept];
        if (model->mmaps[i].start - last->start < last->size) {
            model->faults++;
            continue;
        }
        model->mmaps[++kept] = model->mmaps[i];
    }
    model->nmmaps = kept + 1;
}

void mmaps_load(struct model *model)
{
    const struct heap_root *root = target_root(model->target);
    struct mmap_table *table = model->mmap_table;

    free(model->mmaps);
    free(model->records);
    model->mmaps = NULL;
    model->records = NULL;
    model->nmmaps = 0;
    model->nrecords = 0;
    if (table == NULL)
        model->mmap_table = table = xcalloc(1, sizeof *table);
    if (!far_struct(model->target, TYPE_ID_mmap_table,
                    FAR_ADDRESS(root->mmap_table), table)) {
        model->faults++;
        return;
    }
    for (unsigned i = 0; i < MMAP_BUCKETS; i++)
        bucket_load(model, i, FAR_ADDRESS(table->buckets[i]));
    for (size_t i = 0; i < table->nr_kept && i < MMAP_KEPT; i++) {
        struct model_mmap mapping = {0, table->kept[i].start,
                                     table->kept[i].size};
        mmap_add(model, mapping, table->kept_bytes);
    }
    mmaps_sort(model);
    if (model->nrecords > 0) {
        qsort(model->records, model->nrecords, sizeof *model->records,
              by_address);
    }
}

/* What a cache's private declaration looks like in this target. */
struct cache_shape {
    size_t name;
    size_t name_width;
    size_t size;
    size_t front;
    size_t all;
    size_t slabs;
    size_t page_list;
    size_t live;
};

static bool cache_shape_find(struct target *target, struct cache_shape *shape)
{
    struct field_descriptor name;

    if (!far_field(target, "object_cache", "name", &name))
        return false;
    *shape = (struct cache_shape){
        .name = name.offset,
        .name_width =
            name.width < MODEL_CACHE_NAME ? name.width : MODEL_CACHE_NAME - 1,
        .size = far_offset(target, "object_cache", "size"),
        .front = far_offset(target, "object_cache", "front"),
        .all = far_offset(target, "object_cache", "all"),
        .slabs = far_offset(target, "object_cache", "slabs"),
        .page_list = far_offset(target, "object_cache", "page_list"),
        .live = far_offset(target, "object_cache", "live"),
    };
    return shape->size != SIZE_MAX && shape->front != SIZE_MAX &&
           shape->all != SIZE_MAX && shape->slabs != SIZE_MAX &&
           shape->page_list != SIZE_MAX && shape->live != SIZE_MAX;
}

static bool cache_load(struct target *target, const struct cache_shape *shape,
                       uintptr_t at, struct model_cache *cache)
{
    uint64_t size;
    uint64_t front;
    uint64_t live;

    *cache = (struct model_cache){
        .address = at,
        .slabs_address = at + shape->slabs,
    };
    if (!far_read(target, at + shape->name, cache->name, shape->name_width) ||
        !far_number(target, at + shape->size, 4, &size) ||
        !far_number(target, at + shape->front, 4, &front) ||
        !far_number(target, at + shape->live, 8, &live) ||
        !far_struct(target, TYPE_ID_slab_cache, at + shape->slabs,
                    &cache->slabs) ||
        !far_struct(target, TYPE_ID_page_list, at + shape->page_list,
                    &cache->on_hand))
        return false;
    cache->size = (uint32_t)size;
    cache->front = (uint32_t)front;
    cache->live = (size_t)live;
    return true;
}

static int by_slabs(const void *a, const void *b)
{
    const struct model_cache *left = a;
    const struct model_cache *right = b;

    return (left->slabs_address > right->slabs_address) -
           (left->slabs_address < right->slabs_address);
}

void caches_load(struct model *model)
{
    const struct heap_root *root = target_root(model->target);
    uintptr_t head = FAR_ADDRESS(root->object_caches);
    struct cache_shape shape;
    struct far_list list = far_list_begin(model->target, head);
    uintptr_t link;

    free(model->caches);
    model->caches = NULL;
    model->ncaches = 0;
    if (head == 0 || !cache_shape_find(model->target, &shape))
        return;
    while (model->ncaches < CACHES_MAX && (link = far_list_next(&list)) != 0) {
        struct model_cache cache;
        if (!cache_load(model->target, &shape, link - shape.all, &cache)) {
            model->faults++;
            break;
        }
        model->caches = xgrow(model->caches, model->ncaches, sizeof cache);
        model->caches[model->ncaches++] = cache;
    }
    model->faults += list.broken;
    if (model->ncaches > 1)
        qsort(model->caches, model->ncaches, sizeof *model->caches, by_slabs);
}
