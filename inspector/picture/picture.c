/* SPDX-License-Identifier: MIT */
/* Which stretches of memory there are, and sums over their cells. */
#include "picture/picture.h"

#include "memory.h"
#include "picture/stretches.h"

#include <stdlib.h>

struct range {
    uintptr_t start;
    uintptr_t end;
};

struct ranges {
    struct range *all;
    size_t count;
};

static int by_start(const void *a, const void *b)
{
    const struct range *x = a;
    const struct range *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

/* Touching blocks in the order of the walk are one range already. */
static struct ranges find_ranges(const struct model *model)
{
    struct ranges ranges = {0};
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        uintptr_t start = block.start & ~(uintptr_t)(CELL_BYTES - 1);
        uintptr_t end = block.start + block.size;
        if (end < block.start || end > UINTPTR_MAX - CELL_BYTES)
            continue;
        end = (end + CELL_BYTES - 1) & ~(uintptr_t)(CELL_BYTES - 1);
        struct range *last =
            ranges.count > 0 ? &ranges.all[ranges.count - 1] : NULL;
        if (last != NULL && start <= last->end && start >= last->start) {
            last->end = end > last->end ? end : last->end;
            continue;
        }
        ranges.all = xgrow(ranges.all, ranges.count, sizeof *ranges.all);
        ranges.all[ranges.count++] = (struct range){start, end};
    }
    if (ranges.count > 1)
        qsort(ranges.all, ranges.count, sizeof *ranges.all, by_start);
    return ranges;
}

static void add_stretch(struct picture *picture, struct range range,
                        size_t *room)
{
    size_t count = (range.end - range.start) / CELL_BYTES;

    if (count > *room) {
        picture->left_out += range.end - range.start;
        return;
    }
    *room -= count;
    picture->stretches =
        xgrow(picture->stretches, picture->count, sizeof *picture->stretches);
    picture->stretches[picture->count++] = (struct stretch){
        .start = range.start,
        .count = count,
        .cells = xcalloc(count, sizeof(struct cell)),
    };
}

static void find_brk(struct picture *picture)
{
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, picture->model);
    while (block_walk_next(&walk, &block)) {
        if (block.kind != BLOCK_SEGMENT || block.pfn != SIZE_MAX)
            continue;
        for (size_t i = 0; i < picture->count; i++) {
            struct stretch *it = &picture->stretches[i];
            if (block.start - it->start < it->count * CELL_BYTES)
                it->is_brk = true;
        }
    }
}

void stretches_make(struct picture *picture)
{
    struct ranges ranges = find_ranges(picture->model);
    size_t room = PICTURE_CELLS;

    for (size_t i = 0; i < ranges.count;) {
        struct range range = ranges.all[i++];
        while (i < ranges.count && ranges.all[i].start <= range.end) {
            if (ranges.all[i].end > range.end)
                range.end = ranges.all[i].end;
            i++;
        }
        add_stretch(picture, range, &room);
    }
    free(ranges.all);
    if (picture->left_out > 0) {
        target_warn(picture->model->target,
                    "%zu bytes of mappings are not drawn: too many pages",
                    picture->left_out);
    }
    find_brk(picture);
}

struct cell *picture_cell(const struct picture *picture, uintptr_t address)
{
    size_t low = 0;
    size_t high = picture->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct stretch *it = &picture->stretches[middle];
        size_t index = (address - it->start) / CELL_BYTES;
        if (address < it->start) {
            high = middle;
        } else if (index >= it->count) {
            low = middle + 1;
        } else {
            return &it->cells[index];
        }
    }
    return NULL;
}

void picture_free(struct picture *picture)
{
    if (picture == NULL)
        return;
    for (size_t i = 0; i < picture->count; i++)
        free(picture->stretches[i].cells);
    free(picture->stretches);
    free(picture);
}

size_t stretch_tiles(const struct stretch *stretch)
{
    size_t lead = stretch->start % TILE_BYTES / CELL_BYTES;

    return (lead + stretch->count + TILE_CELLS - 1) / TILE_CELLS;
}

size_t stretch_tile(const struct stretch *stretch, size_t i, size_t *from)
{
    size_t lead = stretch->start % TILE_BYTES / CELL_BYTES;
    size_t to = (i + 1) * TILE_CELLS - lead;

    *from = i == 0 ? 0 : i * TILE_CELLS - lead;
    return (to < stretch->count ? to : stretch->count) - *from;
}

const char *stretch_name(const struct stretch *stretch)
{
    if (stretch->is_brk)
        return "brk";
    switch ((enum block_kind)stretch->cells[0].kind) {
    case BLOCK_MMAP:
        return "mmap";
    case BLOCK_MMAP_KEPT:
        return "mmap, kept for reuse";
    case BLOCK_GUARDED:
        return "guarded samples";
    case BLOCK_META:
        return "metadata";
    case BLOCK_FREE:
    case BLOCK_LISTED:
    case BLOCK_SLAB:
    case BLOCK_CACHE:
    case BLOCK_SEGMENT:
    case BLOCK_RUN:
    case BLOCK_USER:
    case BLOCK_UNKNOWN:
    case NBLOCKKINDS:
        break;
    }
    return "zone";
}

void cells_add(struct cell_sum *sum, const struct cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &cells[i];
        sum->bytes += CELL_BYTES;
        sum->live += cell->live;
        sum->cached += cell->cached;
        sum->resident += cell->resident;
        sum->held += cell->held;
        sum->huge += (cell->state & CELL_HUGE) != 0 ? cell->resident : 0;
        sum->kind[cell->kind] += CELL_BYTES;
    }
}

unsigned cells_level(const struct cell_sum *sum)
{
    if (sum->resident == 0)
        return sum->live > 0 ? LEVEL_UNTOUCHED : LEVEL_ABSENT;
    size_t used = sum->resident > sum->held ? sum->resident - sum->held : 0;
    /* Only what is quite free is 0, quite full is 10. */
    if (used == 0)
        return LEVEL_FREE;
    if (sum->held == 0)
        return LEVEL_FULL;
    return LEVEL_FREE + 1 + (unsigned)(used * 9 / (sum->resident + 1));
}
