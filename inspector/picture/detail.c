/* SPDX-License-Identifier: MIT */
#include "picture/detail.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNIT = 16,      /* of all sizes and places */
    RUN_BYTES = 32, /* at most, of one run */
};

void detail_begin(struct detail *detail, size_t tile_bytes, size_t budget)
{
    *detail = (struct detail){.tile_bytes = tile_bytes, .budget = budget};
}

static void put_byte(struct detail_tile *tile, unsigned byte)
{
    tile->bytes[tile->size++] = (uint8_t)byte;
}

static void put_number(struct detail_tile *tile, size_t number)
{
    for (; number >= 0x80; number >>= 7)
        put_byte(tile, (unsigned)(number & 0x7f) | 0x80);
    put_byte(tile, (unsigned)number);
}

static void make_room(struct detail_tile *tile)
{
    if (tile->room - tile->size >= RUN_BYTES)
        return;
    tile->room = 2 * tile->room + RUN_BYTES;
    tile->bytes = xrealloc(tile->bytes, tile->room, 1);
}

static void flush_run(struct detail *detail)
{
    struct detail_tile *tile = &detail->now;
    const struct object *run = &detail->run;

    if (detail->repeat == 0)
        return;
    size_t size = run->size * detail->repeat;
    uintptr_t start = run->start + run->size - size;
    bool slot = run->block == BLOCK_SLAB || run->block == BLOCK_CACHE;
    make_room(tile);
    put_byte(tile, run->state | (start != detail->end ? DETAIL_GAP : 0u) |
                       (detail->repeat > 1 ? DETAIL_RUN : 0u) |
                       (slot ? DETAIL_SLOT : 0u));
    if (start != detail->end)
        put_number(tile, (start - detail->end) / UNIT);
    put_number(tile, run->size / UNIT);
    if (detail->repeat > 1)
        put_number(tile, detail->repeat - 2);
    tile->count += detail->repeat;
    detail->end = start + size;
    detail->repeat = 0;
}

static size_t least(const struct detail *detail)
{
    size_t low = 0;

    for (size_t i = 1; i < detail->count; i++) {
        if (detail->tiles[i].score < detail->tiles[low].score)
            low = i;
    }
    return low;
}

static void drop(struct detail *detail, size_t i)
{
    detail->bytes -= detail->tiles[i].size;
    detail->left_out++;
    free(detail->tiles[i].bytes);
    detail->tiles[i] = detail->tiles[--detail->count];
}

/* Keeps the tile at work if it is worse than what must go for it. */
static void close_tile(struct detail *detail)
{
    struct detail_tile tile;

    flush_run(detail);
    tile = detail->now;
    detail->now = (struct detail_tile){0};
    if (tile.size == 0) {
        free(tile.bytes);
        return;
    }
    detail->tiles = xgrow(detail->tiles, detail->count, sizeof tile);
    detail->tiles[detail->count++] = tile;
    detail->bytes += tile.size;
    while (detail->bytes > detail->budget && detail->count > 0)
        drop(detail, least(detail));
}

void detail_add(void *data, const struct object *object)
{
    struct detail *detail = data;
    uintptr_t tile = object->start & ~(uintptr_t)(detail->tile_bytes - 1);
    const struct object *run = &detail->run;

    if (tile != detail->now.start || object->start < detail->end) {
        close_tile(detail);
        detail->now.start = tile;
        detail->end = tile;
    }
    if (object->state != OBJECT_LIVE && object->state != OBJECT_VIRGIN &&
        object->clean < object->size)
        detail->now.score += object->size - object->clean;
    if (detail->repeat > 0 && object->state == run->state &&
        object->size == run->size && object->block == run->block &&
        object->start == run->start + run->size) {
        detail->run = *object;
        detail->repeat++;
        return;
    }
    flush_run(detail);
    detail->run = *object;
    detail->repeat = 1;
}

static int by_start(const void *a, const void *b)
{
    const struct detail_tile *x = a;
    const struct detail_tile *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

void detail_finish(struct detail *detail)
{
    close_tile(detail);
    if (detail->count > 1)
        qsort(detail->tiles, detail->count, sizeof *detail->tiles, by_start);
}

void detail_end(struct detail *detail)
{
    for (size_t i = 0; i < detail->count; i++)
        free(detail->tiles[i].bytes);
    free(detail->tiles);
    free(detail->now.bytes);
    *detail = (struct detail){0};
}
