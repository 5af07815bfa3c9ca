/* SPDX-License-Identifier: MIT */
#include "leak/index.h"

#include "memory.h"
#include "walk/model_load.h"

#include <stdlib.h>
#include <sys/mman.h>

static size_t bits_size(const struct leak_area *area)
{
    return area->nwindows * (WINDOW_GRANULES / 8);
}

static bool area_alloc(struct leak_area *area)
{
    for (unsigned bit = 0; bit < NBITS; bit++) {
        area->bits[bit] = sparse_alloc(bits_size(area));
        if (area->bits[bit] == NULL)
            return false;
    }
    area->before = sparse_alloc(area->nwindows * sizeof *area->before);
    area->rank = sparse_alloc((area->nwindows + 1) * sizeof *area->rank);
    area->grey = sparse_alloc(area->nwindows);
    return area->before != NULL && area->rank != NULL && area->grey != NULL;
}

static void area_free(struct leak_area *area)
{
    for (unsigned bit = 0; bit < NBITS; bit++)
        sparse_free(area->bits[bit], bits_size(area));
    sparse_free(area->before, area->nwindows * sizeof *area->before);
    sparse_free(area->rank, (area->nwindows + 1) * sizeof *area->rank);
    sparse_free(area->grey, area->nwindows);
}

/* One area a zone; a zone that is too large for us is left out. */
static void areas_make(struct leak_index *index)
{
    const struct model *model = index->model;

    index->areas = xcalloc(model->nzones, sizeof *index->areas);
    for (size_t i = 0; i < model->nzones; i++) {
        const struct model_zone *zone = &model->zones[i];
        struct leak_area area = {.base = zone->zone.base};
        size_t bytes = zone->npages << PAGE_SHIFT;
        area.nwindows = (bytes + WINDOW_BYTES - 1) / WINDOW_BYTES;
        area.size = area.nwindows * WINDOW_BYTES;
        if (area.nwindows == 0)
            continue;
        if (area_alloc(&area)) {
            index->areas[index->nareas++] = area;
        } else {
            area_free(&area);
            index->unread++;
            index->skipped += bytes;
        }
    }
}

static void put(struct leak_area *area, enum leak_bit bit, size_t at)
{
    area->bits[bit][at / WORD_BITS] |= (uint64_t)1 << at % WORD_BITS;
}

static void widen(struct leak_index *index, uintptr_t start, size_t size)
{
    uintptr_t end = index->lowest + index->span;

    if (index->span == 0 || start < index->lowest)
        index->lowest = start;
    if (start + size > end)
        end = start + size;
    index->span = end - index->lowest;
}

static void add_map(struct leak_index *index, const struct object *object)
{
    index->maps = xgrow(index->maps, index->nmaps, sizeof *index->maps);
    index->maps[index->nmaps++] =
        (struct leak_map){.mem = object->mem, .size = object->usable};
    index->maps[index->nmaps - 1].bits[BIT_LIVE] = 1;
    widen(index, object->mem, object->usable);
}

/* Slots of object caches count whole: they begin with the cache's own words. */
static uintptr_t block_start(const struct object *object)
{
    return object->block == BLOCK_CACHE ? object->start : object->mem;
}

static void add(struct leak_index *index, const struct object *object)
{
    uintptr_t start = block_start(object);
    uintptr_t end = object->mem + object->usable;

    if (end <= start || start % GRANULE != 0)
        return;
    index->blocks++;
    index->bytes += object->usable;
    if (object->block == BLOCK_MMAP || object->block == BLOCK_GUARDED) {
        add_map(index, object);
        return;
    }
    for (size_t i = 0; i < index->nareas; i++) {
        struct leak_area *area = &index->areas[i];
        if (start - area->base >= area->size || end - area->base > area->size)
            continue;
        size_t from = (start - area->base) / GRANULE;
        size_t to = (end - area->base + GRANULE - 1) / GRANULE;
        put(area, BIT_BOUND, from);
        put(area, BIT_LIVE, from);
        if (to < area->nwindows * WINDOW_GRANULES)
            put(area, BIT_BOUND, to);
        area->grey[from / WINDOW_GRANULES] = 1;
        if (to < area->nwindows * WINDOW_GRANULES)
            area->grey[to / WINDOW_GRANULES] = 1;
        widen(index, start, end - start);
        return;
    }
}

/* The last bound and the number of blocks before each window; grey says in
   which windows there is any, and is clear afterwards. */
static void area_finish(struct leak_area *area)
{
    size_t last = SIZE_MAX;
    uint64_t rank = 0;

    for (size_t w = 0; w < area->nwindows; w++) {
        size_t first = w * WINDOW_GRANULES;
        area->rank[w] = rank;
        if (last != SIZE_MAX && first - last <= UINT32_MAX)
            area->before[w] = (uint32_t)(first - last);
        if (area->grey[w] == 0)
            continue;
        area->grey[w] = 0;
        for (size_t i = first / WORD_BITS;
             i < (first + WINDOW_GRANULES) / WORD_BITS; i++) {
            uint64_t word = area->bits[BIT_BOUND][i];
            if (word != 0)
                last = i * WORD_BITS + 63 - (size_t)__builtin_clzl(word);
            rank += (uint64_t)__builtin_popcountl(area->bits[BIT_LIVE][i]);
        }
    }
    area->rank[area->nwindows] = rank;
}

static int by_mem(const void *left, const void *right)
{
    const struct leak_map *a = left;
    const struct leak_map *b = right;

    return (a->mem > b->mem) - (a->mem < b->mem);
}

struct leak_index *index_build(const struct model *model,
                               const struct freelist *freelist,
                               leak_damaged *damaged, void *data)
{
    static struct object_walk walk;
    struct leak_index *index = xcalloc(1, sizeof *index);
    struct object object;

    index->model = model;
    areas_make(index);
    object_walk_begin(&walk, model, freelist);
    while (object_walk_next(&walk, &object)) {
        if (object.state == OBJECT_LIVE) {
            add(index, &object);
        } else if (object.state == OBJECT_DAMAGED) {
            index->unread++;
            index->skipped += object.size;
            if (damaged != NULL)
                damaged(data, object.start, object.size);
        }
    }
    index->unread += walk.unread;
    object_walk_end(&walk);
    for (size_t i = 0; i < index->nareas; i++)
        area_finish(&index->areas[i]);
    if (index->nmaps > 1)
        qsort(index->maps, index->nmaps, sizeof *index->maps, by_mem);
    return index;
}

void index_free(struct leak_index *index)
{
    if (index == NULL)
        return;
    for (size_t i = 0; i < index->nareas; i++)
        area_free(&index->areas[i]);
    free(index->areas);
    free(index->maps);
    free(index);
}

void index_clear(struct leak_index *index, enum leak_bit bit)
{
    /* Private and anonymous: what is given back reads as zeros. */
    for (size_t i = 0; i < index->nareas; i++) {
        (void)madvise(index->areas[i].bits[bit], bits_size(&index->areas[i]),
                      MADV_DONTNEED);
    }
    for (size_t i = 0; i < index->nmaps; i++)
        index->maps[i].bits[bit] = 0;
}

void index_drop_marked(struct leak_index *index)
{
    for (size_t i = 0; i < index->nareas; i++) {
        struct leak_area *area = &index->areas[i];
        for (size_t w = 0; w < area->nwindows; w++) {
            if (area->rank[w] == area->rank[w + 1])
                continue;
            size_t first = w * WINDOW_GRANULES / WORD_BITS;
            for (size_t k = first; k < first + WINDOW_GRANULES / WORD_BITS; k++)
                area->bits[BIT_LIVE][k] &= ~area->bits[BIT_MARKED][k];
        }
    }
    for (size_t i = 0; i < index->nmaps; i++) {
        struct leak_map *map = &index->maps[i];
        map->bits[BIT_LIVE] &= (uint8_t)!map->bits[BIT_MARKED];
    }
}
