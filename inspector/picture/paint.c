/* SPDX-License-Identifier: MIT */
/* Fills the cells: what is there, then what of it is in use. */
#include "picture/picture.h"

#include "memory.h"
#include "picture/stretches.h"
#include "walk/resident.h"
#include "walk/usage.h"

#include <stdlib.h>

/* The bytes of [start, end) in the cell that `start` lies in. */
static size_t part_of(uintptr_t start, uintptr_t end)
{
    size_t left = CELL_BYTES - (start & (CELL_BYTES - 1));

    return end - start < left ? end - start : left;
}

/* Mappings that overlap must not count twice. */
static uint16_t plus(uint16_t a, size_t b)
{
    size_t sum = a + b;

    return (uint16_t)(sum < CELL_BYTES ? sum : CELL_BYTES);
}

static uint16_t minus(uint16_t a, size_t b)
{
    return (uint16_t)(a > b ? a - b : 0);
}

/* What of [at, at + size), all in one cell, is there. */
static void paint_quarters(struct resident *resident, struct cell *cell,
                           uintptr_t at, size_t size)
{
    static const size_t quarter_bytes = CELL_BYTES / CELL_QUARTERS;

    while (size > 0) {
        struct resident_use use = {0};
        size_t offset = at & (CELL_BYTES - 1);
        size_t quarter = offset / quarter_bytes;
        size_t step = (quarter + 1) * quarter_bytes - offset;
        step = step < size ? step : size;
        resident_add(resident, at, step, &use);
        cell->resident = plus(cell->resident, use.resident);
        cell->state |= (uint8_t)((unsigned)(use.resident > 0) << quarter);
        cell->state |= use.huge > 0 ? CELL_HUGE : 0;
        cell->state |= use.swapped > 0 ? CELL_SWAPPED : 0;
        at += step;
        size -= step;
    }
}

/* What each block is, and what of its memory is there. */
static void paint_block(const struct picture *picture,
                        struct resident *resident, const struct block *block)
{
    uintptr_t end = block->start + block->size;

    for (uintptr_t at = block->start; at < end;) {
        size_t part = part_of(at, end);
        struct cell *cell = picture_cell(picture, at);
        if (cell == NULL)
            return;
        cell->kind = (uint8_t)block->kind;
        paint_quarters(resident, cell, at, part);
        at += part;
    }
}

static void paint_blocks(struct picture *picture, struct resident *resident)
{
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, picture->model);
    while (block_walk_next(&walk, &block)) {
        if (block.start + block.size >= block.start)
            paint_block(picture, resident, &block);
    }
    for (size_t i = 0; i < picture->count; i++) {
        struct stretch *stretch = &picture->stretches[i];
        for (size_t c = 0; c < stretch->count; c++)
            stretch->cells[c].held = stretch->cells[c].resident;
    }
}

static void paint_live(const struct picture *picture, struct resident *resident,
                       uintptr_t start, size_t size)
{
    uintptr_t end = start + size;

    while (start < end) {
        struct cell *cell = picture_cell(picture, start);
        size_t part = part_of(start, end);
        if (cell == NULL)
            return;
        size_t there = cell->resident == CELL_BYTES ? part
                       : cell->resident == 0
                           ? 0
                           : resident_bytes(resident, start, part);
        cell->live = plus(cell->live, part);
        cell->held = minus(cell->held, there);
        cell->objects = plus(cell->objects, 1);
        start += part;
    }
}

/* The allocator's own tables are needed, too. */
static void paint_metadata(const struct picture *picture,
                           struct resident *resident)
{
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, picture->model);
    while (block_walk_next(&walk, &block)) {
        if (block.kind == BLOCK_META)
            paint_live(picture, resident, block.start, block.size);
    }
}

static void paint_cached(const struct picture *picture, uintptr_t start,
                         size_t size)
{
    uintptr_t end = start + size;

    while (start < end) {
        struct cell *cell = picture_cell(picture, start);
        size_t part = part_of(start, end);
        if (cell == NULL)
            return;
        cell->cached = plus(cell->cached, part);
        start += part;
    }
}

static void paint_objects(struct picture *picture, struct resident *resident,
                          picture_object_fn *each, void *data)
{
    struct freelist *freelist = freelist_build(picture->model, NULL, NULL);
    struct object_walk *walk = xcalloc(1, sizeof *walk);
    struct object object;

    object_walk_begin(walk, picture->model, freelist);
    while (object_walk_next(walk, &object)) {
        if (object.state == OBJECT_LIVE) {
            paint_live(picture, resident, object.start, object.size);
            picture->objects++;
            picture->object_bytes += object.usable;
        } else if (object_is_cached(&object)) {
            paint_cached(picture, object.start, object.size);
        }
        if (each != NULL)
            each(data, &object);
    }
    picture->unverified = walk->unread + walk->faults;
    object_walk_end(walk);
    free(walk);
    freelist_free(freelist);
}

/* `bytes` of the block's memory are live, nobody knows which. */
static void spread_live(const struct picture *picture,
                        const struct block *block, size_t bytes)
{
    uintptr_t end = block->start + block->size;
    double share = block->size > 0 ? (double)bytes / (double)block->size : 0;

    for (uintptr_t at = block->start; at < end;) {
        struct cell *cell = picture_cell(picture, at);
        size_t part = part_of(at, end);
        if (cell == NULL)
            return;
        size_t live = (size_t)((double)part * share);
        cell->live = plus(cell->live, live);
        cell->held = minus(
            cell->held, (size_t)((double)live * cell->resident / CELL_BYTES));
        at += part;
    }
}

static size_t coarse_live(const struct usage *usage, const struct block *block)
{
    switch (block->kind) {
    case BLOCK_RUN:
    case BLOCK_USER:
    case BLOCK_MMAP:
    case BLOCK_GUARDED:
        return block->size;
    case BLOCK_SLAB:
    case BLOCK_CACHE:
        return block->slab->nobjects == 0
                   ? 0
                   : block->size * block->slab->inuse / block->slab->nobjects;
    case BLOCK_SEGMENT: {
        if (block->heap_id >= usage->nheaps)
            return 0;
        const struct heap_use *use = &usage->heaps[block->heap_id];
        size_t idle = use->free_chunks + use->top + use->chunk_cached;
        size_t busy = use->segment_bytes > idle ? use->segment_bytes - idle : 0;
        return (size_t)((double)block->size * (double)busy /
                        (double)(use->segment_bytes + 1));
    }
    case BLOCK_FREE:
    case BLOCK_LISTED:
    case BLOCK_MMAP_KEPT:
    case BLOCK_META:
    case BLOCK_UNKNOWN:
    case NBLOCKKINDS:
        break;
    }
    return 0;
}

static void paint_coarse(struct picture *picture)
{
    struct usage *usage = usage_count(picture->model);
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, picture->model);
    while (block_walk_next(&walk, &block)) {
        size_t live = coarse_live(usage, &block);
        if (live > 0 && block.start + block.size >= block.start)
            spread_live(picture, &block, live < block.size ? live : block.size);
    }
    usage_free(usage);
}

static struct picture *begin(const struct model *model,
                             struct resident *resident)
{
    struct picture *picture = xcalloc(1, sizeof *picture);

    picture->model = model;
    stretches_make(picture);
    resident_begin(resident, model->target);
    paint_blocks(picture, resident);
    paint_metadata(picture, resident);
    picture->knows_residency = resident->known;
    return picture;
}

static struct picture *end(struct picture *picture, struct resident *resident)
{
    resident_end(resident);
    for (size_t i = 0; i < picture->count; i++) {
        cells_add(&picture->sum, picture->stretches[i].cells,
                  picture->stretches[i].count);
    }
    return picture;
}

struct picture *picture_take(const struct model *model, picture_object_fn *each,
                             void *data)
{
    struct resident resident;
    struct picture *picture = begin(model, &resident);

    paint_objects(picture, &resident, each, data);
    return end(picture, &resident);
}

struct picture *picture_take_coarse(const struct model *model)
{
    struct resident resident;
    struct picture *picture = begin(model, &resident);

    paint_coarse(picture);
    return end(picture, &resident);
}
