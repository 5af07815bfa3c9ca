/* SPDX-License-Identifier: MIT */
/* Memory as blocks: the page maps, stretches of brk, mappings, metadata. */
#include "walk/model.h"

#include <string.h>

const char *const block_kind_names[NBLOCKKINDS] = {
    [BLOCK_FREE] = "free",       [BLOCK_LISTED] = "listed",
    [BLOCK_SLAB] = "slab",       [BLOCK_CACHE] = "cache",
    [BLOCK_SEGMENT] = "arena",   [BLOCK_RUN] = "run",
    [BLOCK_USER] = "user",       [BLOCK_MMAP] = "mmap",
    [BLOCK_MMAP_KEPT] = "kept",  [BLOCK_META] = "metadata",
    [BLOCK_UNKNOWN] = "unknown", [BLOCK_GUARDED] = "guarded",
};

const char *const object_state_names[NOBJECTSTATES] = {
    [OBJECT_LIVE] = "live",     [OBJECT_BINNED] = "binned",
    [OBJECT_SPARE] = "spare",   [OBJECT_REMOTE] = "remote",
    [OBJECT_FREE] = "free",     [OBJECT_TOP] = "top",
    [OBJECT_VIRGIN] = "virgin", [OBJECT_DAMAGED] = "damaged",
};

enum stage {
    STAGE_BRK,
    STAGE_PAGES,
    STAGE_MMAPS,
    STAGE_GUARDED,
    STAGE_META,
    STAGE_END,
};

static enum block_kind kind_of(const struct page *page)
{
    static const enum block_kind kinds[] = {
        [PAGE_NONE] = BLOCK_UNKNOWN, [PAGE_BUDDY] = BLOCK_FREE,
        [PAGE_PCP] = BLOCK_LISTED,   [PAGE_SLAB] = BLOCK_SLAB,
        [PAGE_CACHE] = BLOCK_CACHE,  [PAGE_ARENA] = BLOCK_SEGMENT,
        [PAGE_RUN] = BLOCK_RUN,      [PAGE_USER] = BLOCK_USER,
    };
    return page->state < sizeof kinds / sizeof *kinds ? kinds[page->state]
                                                      : BLOCK_UNKNOWN;
}

/* The next set bit of heads behind pfn, or npages. */
static size_t next_head(const struct model_zone *zone, size_t pfn)
{
    size_t from = zone->first & ~(size_t)(MODEL_WORDS - 1);
    size_t bit = pfn + 1 - from;
    size_t end = zone->npages - from;

    while (bit < end) {
        uint64_t word = zone->heads[bit / MODEL_WORDS] >> bit % MODEL_WORDS;
        if (word != 0) {
            bit += (size_t)__builtin_ctzl(word);
            break;
        }
        bit = (bit / MODEL_WORDS + 1) * MODEL_WORDS;
    }
    return bit < end ? from + bit : zone->npages;
}

/* The last set bit of heads at or before pfn. */
static size_t head_before(const struct model_zone *zone, size_t pfn)
{
    size_t from = zone->first & ~(size_t)(MODEL_WORDS - 1);
    size_t bit = pfn - from;
    size_t index = bit / MODEL_WORDS;
    uint64_t word = zone->heads[index] &
                    (~(uint64_t)0 >> (MODEL_WORDS - 1 - bit % MODEL_WORDS));

    while (word == 0 && index > 0)
        word = zone->heads[--index];
    if (word == 0)
        return zone->first;
    return from + index * MODEL_WORDS + 63 - (size_t)__builtin_clzl(word);
}

static void page_block(const struct model_zone *zone, size_t pfn, size_t stop,
                       struct block *block)
{
    const struct page *page = zone_page(zone, pfn);

    *block = (struct block){
        .kind = kind_of(page),
        .start = page_address(zone->zone.base, pfn),
        .size = (stop - pfn) << PAGE_SHIFT,
        .order = page->order,
        .page = zone_page_address(zone, pfn),
        .zone = zone,
        .pfn = pfn,
    };
    if (block->kind == BLOCK_SLAB || block->kind == BLOCK_CACHE) {
        block->slab = (const struct slab *)(const void *)page;
        block->heap_id = block->slab->heap_id;
    } else if (block->kind == BLOCK_SEGMENT) {
        block->heap_id = tag_heap_id(zone->tags[pfn]);
    }
}

/* Stretch `at` of brk of heap `index`: brk_old[], then brk; false: none. */
static bool brk_block(const struct model *model, size_t index, size_t at,
                      struct block *block)
{
    const struct model_heap *heap = &model->heaps[index];
    const struct arena *arena = &heap->heap.arena;
    size_t old = arena->nr_brk_old < NBRK_OLD ? arena->nr_brk_old : NBRK_OLD;
    struct segment segment = at < old ? arena->brk_old[at] : arena->brk;

    if (segment.end <= segment.start || segment.end - segment.start < 64)
        return false;
    *block = (struct block){
        .kind = BLOCK_SEGMENT,
        .start = segment.start,
        .size = segment.end - segment.start,
        .heap_id = heap->heap.id,
        .zone = model->nzones > 0 ? &model->zones[0] : NULL,
        .pfn = SIZE_MAX,
    };
    return true;
}

static bool next_brk(struct block_walk *walk, struct block *block)
{
    const struct model *model = walk->model;

    for (; walk->index < model->nheaps; walk->index++, walk->at = 0) {
        size_t old = model->heaps[walk->index].heap.arena.nr_brk_old;
        old = old < NBRK_OLD ? old : NBRK_OLD;
        while (walk->at <= old) {
            if (brk_block(model, walk->index, walk->at++, block))
                return true;
        }
    }
    return false;
}

static bool next_page(struct block_walk *walk, struct block *block)
{
    const struct model *model = walk->model;

    for (; walk->index < model->nzones; walk->index++, walk->at = 0) {
        const struct model_zone *zone = &model->zones[walk->index];
        size_t pfn = walk->at != 0 ? walk->at : zone->first;
        if (pfn >= zone->npages)
            continue;
        walk->at = next_head(zone, pfn);
        page_block(zone, pfn, walk->at, block);
        return true;
    }
    return false;
}

static void mmap_block(const struct model_mmap *mapping, struct block *block)
{
    *block = (struct block){
        .kind = mapping->mem != 0 ? BLOCK_MMAP : BLOCK_MMAP_KEPT,
        .start = mapping->start,
        .size = mapping->size,
    };
}

static bool next_mmap(struct block_walk *walk, struct block *block)
{
    if (walk->index >= walk->model->nmmaps)
        return false;
    mmap_block(&walk->model->mmaps[walk->index++], block);
    return true;
}

static bool next_guarded(struct block_walk *walk, struct block *block)
{
    return guarded_next(walk->model, &walk->index, block);
}

/* Parts of a zone's page map, widened to system pages. */
enum { MAP_PARTS = 4 };

static bool map_block(const struct model *model, size_t index,
                      struct block *block)
{
    const struct model_zone *zone = &model->zones[index / MAP_PARTS];
    size_t first = zone->first;
    size_t to = zone->zone.meta_to;
    uintptr_t tags = FAR_ADDRESS(zone->zone.tags);
    uintptr_t dirty = FAR_ADDRESS(zone->zone.dirty);
    const struct segment parts[MAP_PARTS] = {
        {tags, tags + zone->brk_end * sizeof *zone->tags},
        {tags + first * sizeof *zone->tags, tags + to * sizeof *zone->tags},
        {zone_page_address(zone, first), zone_page_address(zone, to)},
        {dirty + first / MODEL_WORDS * sizeof *zone->dirty,
         dirty + (to / MODEL_WORDS + 1) * sizeof *zone->dirty},
    };
    const struct segment *part = &parts[index % MAP_PARTS];
    uintptr_t mask = target_page_size(model->target) - 1;
    uintptr_t start = part->start & ~mask;

    if (part->end <= part->start || to > zone->zone.npages || to < first)
        return false;
    *block = (struct block){
        .kind = BLOCK_META,
        .start = start,
        .size = ((part->end + mask) & ~mask) - start,
    };
    return true;
}

static bool heap_block(const struct model *model, size_t index,
                       struct block *block)
{
    const struct model_heap *heap = &model->heaps[index];

    *block = (struct block){
        .kind = BLOCK_META,
        .start = heap->address,
        .size = sizeof(struct heap),
        .heap_id = heap->heap.id,
    };
    return heap->address != 0;
}

static void record_block(uintptr_t address, struct block *block)
{
    *block = (struct block){
        .kind = BLOCK_META,
        .start = address,
        .size = sizeof(struct mmap_record),
    };
}

/* Page maps, then heaps, then records of mmapped chunks. */
static bool next_meta(struct block_walk *walk, struct block *block)
{
    const struct model *model = walk->model;
    size_t maps = model->nzones * MAP_PARTS;

    while (walk->index < maps + model->nheaps) {
        size_t index = walk->index++;
        if (index < maps ? map_block(model, index, block)
                         : heap_block(model, index - maps, block))
            return true;
    }
    size_t record = walk->index - maps - model->nheaps;
    if (record >= model->nrecords)
        return false;
    walk->index++;
    record_block(model->records[record], block);
    return true;
}

void block_walk_begin(struct block_walk *walk, const struct model *model)
{
    *walk = (struct block_walk){.model = model};
}

bool block_walk_next(struct block_walk *walk, struct block *block)
{
    static bool (*const next[STAGE_END])(struct block_walk *,
                                         struct block *) = {
        [STAGE_BRK] = next_brk,    [STAGE_PAGES] = next_page,
        [STAGE_MMAPS] = next_mmap, [STAGE_GUARDED] = next_guarded,
        [STAGE_META] = next_meta,
    };

    for (; walk->stage < STAGE_END; walk->stage++) {
        if (next[walk->stage](walk, block))
            return true;
        walk->index = 0;
        walk->at = 0;
    }
    return false;
}

static bool is_in(const struct block *block, uintptr_t address)
{
    return address >= block->start && address - block->start < block->size;
}

/* Stretches of brk are few: only their pages' tags lead here. */
static bool brk_at(const struct model *model, uintptr_t address,
                   struct block *block)
{
    for (size_t i = 0; i < model->nheaps; i++) {
        size_t old = model->heaps[i].heap.arena.nr_brk_old;
        for (size_t at = 0; at <= old && at <= NBRK_OLD; at++) {
            if (brk_block(model, i, at, block) && is_in(block, address))
                return true;
        }
    }
    return false;
}

static bool record_at(const struct model *model, uintptr_t address,
                      struct block *block)
{
    size_t low = 0;
    size_t high = model->nrecords;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (model->records[middle] <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0)
        return false;
    record_block(model->records[low - 1], block);
    return is_in(block, address);
}

static bool meta_at(const struct model *model, uintptr_t address,
                    struct block *block)
{
    for (size_t i = 0; i < model->nzones * MAP_PARTS; i++) {
        if (map_block(model, i, block) && is_in(block, address))
            return true;
    }
    for (size_t i = 0; i < model->nheaps; i++) {
        if (heap_block(model, i, block) && is_in(block, address))
            return true;
    }
    return record_at(model, address, block);
}

bool block_at(const struct model *model, uintptr_t address, struct block *block)
{
    const struct model_zone *zone;
    size_t pfn;

    if (model_page(model, address, &zone, &pfn)) {
        if (pfn < zone->first)
            return brk_at(model, address, block);
        if (pfn >= zone->npages)
            return false;
        size_t head = head_before(zone, pfn);
        page_block(zone, head, next_head(zone, head), block);
        return true;
    }
    const struct model_mmap *mapping = model_mmap_at(model, address);
    if (mapping != NULL) {
        mmap_block(mapping, block);
        return true;
    }
    return guarded_at(model, address, block) || meta_at(model, address, block);
}
