/* SPDX-License-Identifier: MIT */
/* The pictures' data: stretches, tiles, cells, objects. */
#include "cmd/report.h"
#include "memory.h"
#include "render/html.h"

#include <stdlib.h>
#include <string.h>

enum {
    TILE_WORDS = 6,       /* 32-bit words a tile */
    CELL_PACKED = 4,      /* bytes a cell */
    CELL_CACHED_BITS = 7, /* and a bit for huge pages */
};

/* Stretches of the picture and their numbers in the page; SIZE_MAX: none. */
struct numbers {
    size_t *of;
    size_t left_out;
};

/* One tile of the report: tile_cells cells by address, or fewer at ends. */
struct tile {
    const struct stretch *stretch;
    size_t number; /* of it */
    size_t index;  /* in it */
    size_t from;   /* first cell */
    size_t count;
    size_t held;
};

struct tiles {
    struct tile *all;
    size_t count;
};

/* The cells before the stretch in its first tile. */
static size_t lead_of(const struct report *report,
                      const struct stretch *stretch)
{
    return stretch->start / CELL_BYTES % report->tile_cells;
}

static void put_word(uint8_t *bytes, size_t i, size_t value)
{
    uint32_t word = value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;

    memcpy(bytes + i * sizeof word, &word, sizeof word);
}

/* The largest are shown if there are too many. */
static struct numbers number_stretches(const struct report *report)
{
    const struct picture *picture = report->picture;
    struct numbers numbers = {
        .of = xcalloc(picture->count, sizeof *numbers.of),
    };
    size_t least = 0;
    size_t shown = picture->count;

    while (shown > REPORT_STRETCHES) {
        least = 2 * least + 1;
        shown = 0;
        for (size_t i = 0; i < picture->count; i++)
            shown += picture->stretches[i].count > least;
    }
    for (size_t i = 0, next = 0; i < picture->count; i++) {
        bool is_shown = picture->stretches[i].count > least;
        numbers.of[i] = is_shown ? next++ : SIZE_MAX;
        numbers.left_out += !is_shown;
    }
    return numbers;
}

/* Tiles of a stretch, as words: see map.js. */
static json_t *stretch_json(const struct report *report,
                            const struct stretch *stretch, size_t number,
                            struct tiles *tiles)
{
    size_t lead = lead_of(report, stretch);
    size_t per_tile = report->tile_cells;
    size_t count = (lead + stretch->count + per_tile - 1) / per_tile;
    uint8_t *packed = xcalloc(count * TILE_WORDS, sizeof(uint32_t));

    for (size_t i = 0; i < count; i++) {
        struct tile tile = {.stretch = stretch, .number = number, .index = i};
        size_t to = (i + 1) * per_tile - lead;
        struct cell_sum sum = {0};
        tile.from = i == 0 ? 0 : i * per_tile - lead;
        tile.count = (to < stretch->count ? to : stretch->count) - tile.from;
        cells_add(&sum, stretch->cells + tile.from, tile.count);
        tile.held = sum.held;
        const size_t words[TILE_WORDS] = {sum.bytes,    sum.live, sum.cached,
                                          sum.resident, sum.held, sum.huge};
        for (size_t w = 0; w < TILE_WORDS; w++)
            put_word(packed, i * TILE_WORDS + w, words[w]);
        tiles->all = xgrow(tiles->all, tiles->count, sizeof tile);
        tiles->all[tiles->count++] = tile;
    }
    json_t *json =
        json_pack("{s:s, s:o, s:I, s:I, s:o}", "name", stretch_name(stretch),
                  "start", report_address(report, stretch->start), "cells",
                  (json_int_t)stretch->count, "lead", (json_int_t)lead, "tiles",
                  html_base64(packed, count * TILE_WORDS * sizeof(uint32_t)));
    free(packed);
    return json;
}

/* Nothing is 0, some is 1 at least, all is 255. */
static uint8_t part_of_cell(size_t bytes, unsigned most)
{
    if (bytes == 0)
        return 0;
    if (bytes >= CELL_BYTES)
        return (uint8_t)most;
    return (uint8_t)(1 + bytes * (most - 1) / CELL_BYTES);
}

static void pack_cell(const struct cell *cell, uint8_t *out)
{
    out[0] = part_of_cell(cell->live, UINT8_MAX);
    out[1] = part_of_cell(cell->held, UINT8_MAX);
    out[2] = (uint8_t)(cell->kind | (cell->state & CELL_RESIDENT) << 4);
    out[3] =
        (uint8_t)(part_of_cell(cell->cached, (1 << CELL_CACHED_BITS) - 1) << 1 |
                  ((cell->state & CELL_HUGE) != 0));
}

static int by_held(const void *a, const void *b)
{
    const struct tile *x = a;
    const struct tile *y = b;

    return (x->held < y->held) - (x->held > y->held);
}

/* The cells of the worst tiles, as far as the budget reaches. */
static json_t *cells_json(struct report *report, const struct tiles *tiles)
{
    json_t *list = json_array();
    uint8_t *packed = xcalloc(report->tile_cells, CELL_PACKED);
    size_t budget = REPORT_CELL_BYTES;
    size_t left_out = 0;

    if (tiles->count > 1)
        qsort(tiles->all, tiles->count, sizeof *tiles->all, by_held);
    for (size_t i = 0; i < tiles->count; i++) {
        const struct tile *tile = &tiles->all[i];
        const struct cell *cells = tile->stretch->cells + tile->from;
        size_t size = tile->count * CELL_PACKED;
        if (size > budget) {
            left_out++;
            continue;
        }
        budget -= size;
        for (size_t c = 0; c < tile->count; c++)
            pack_cell(&cells[c], packed + c * CELL_PACKED);
        json_array_append_new(list,
                              json_pack("[I,I,o]", (json_int_t)tile->number,
                                        (json_int_t)tile->index,
                                        html_base64(packed, size)));
    }
    free(packed);
    if (left_out > 0) {
        report_left_out(report,
                        "the pages of %zu of %zu tiles, the best used ones",
                        left_out, tiles->count);
    }
    return list;
}

/* The stretch of the page that a tile's addresses belong to; SIZE_MAX: none. */
static size_t stretch_of(const struct report *report, uintptr_t start,
                         const struct numbers *numbers)
{
    const struct picture *picture = report->picture;

    for (size_t i = 0; i < picture->count; i++) {
        const struct stretch *it = &picture->stretches[i];
        if (start + report->detail.tile_bytes > it->start &&
            start < it->start + it->count * CELL_BYTES &&
            numbers->of[i] != SIZE_MAX)
            return i;
    }
    return SIZE_MAX;
}

/* Objects by the stretch and tile that they begin in. */
static json_t *objects_json(struct report *report,
                            const struct numbers *numbers)
{
    json_t *list = json_array();
    const struct detail *detail = &report->detail;
    size_t left_out = detail->left_out;

    for (size_t i = 0; i < detail->count; i++) {
        const struct detail_tile *tile = &detail->tiles[i];
        size_t s = stretch_of(report, tile->start, numbers);
        if (s == SIZE_MAX) {
            left_out++;
            continue;
        }
        const struct stretch *stretch = &report->picture->stretches[s];
        uintptr_t first =
            stretch->start - lead_of(report, stretch) * CELL_BYTES;
        json_array_append_new(
            list,
            json_pack("[I,I,I,o]", (json_int_t)numbers->of[s],
                      (json_int_t)((tile->start - first) / detail->tile_bytes),
                      (json_int_t)tile->count,
                      html_base64(tile->bytes, tile->size)));
    }
    if (left_out > 0) {
        report_left_out(report,
                        "the single objects of %zu of %zu tiles, those with "
                        "the least free memory",
                        left_out, detail->left_out + detail->count);
    }
    return list;
}

static json_t *names(const char *const *all, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, html_text(all[i]));
    return list;
}

void report_picture(struct report *report)
{
    struct tiles tiles = {0};
    struct numbers numbers = number_stretches(report);
    json_t *stretches = json_array();

    for (size_t i = 0; i < report->picture->count; i++) {
        if (numbers.of[i] == SIZE_MAX)
            continue;
        json_array_append_new(
            stretches, stretch_json(report, &report->picture->stretches[i],
                                    numbers.of[i], &tiles));
    }
    if (numbers.left_out > 0)
        report_left_out(report, "%zu small mappings", numbers.left_out);
    json_object_set_new(report->root, "stretches", stretches);
    json_object_set_new(report->root, "cells", cells_json(report, &tiles));
    json_object_set_new(report->root, "objects",
                        objects_json(report, &numbers));
    json_object_set_new(report->root, "kinds",
                        names(block_kind_names, NBLOCKKINDS));
    json_object_set_new(report->root, "states",
                        names(object_state_names, NOBJECTSTATES));
    json_object_set_new(report->root, "knows_residency",
                        json_boolean(report->picture->knows_residency));
    free(tiles.all);
    free(numbers.of);
}
