/* SPDX-License-Identifier: MIT */
/* map: the heap as a picture in the terminal, from the lowest address on. */
#include "cmd/view.h"
#include "memory.h"
#include "number.h"
#include "picture/picture.h"
#include "render/palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const struct column columns[] = {
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "of a tile of 2 MiB"},
    {"SIZE", "size", COLUMN_BYTES, false, "of it that is the heap's"},
    {"LIVE", "live", COLUMN_BYTES, false, "in the program's hands"},
    {"CACHED", "cached", COLUMN_BYTES, false, "free, in threads' bins"},
    {"RESIDENT", "resident", COLUMN_BYTES, false, "memory of the process"},
    {"HELD", "held", COLUMN_BYTES, false,
     "resident, but not live: what it costs to keep the live ones"},
    {"USE", "use", COLUMN_RATIO, false, "live part of RESIDENT"},
    {"HUGE", "huge", COLUMN_BYTES, false, "resident in huge pages"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

enum {
    MAP_ROWS = 20,   /* lines of half blocks of the largest stretch, about */
    MAP_GUTTER = 15, /* for addresses */
    MAP_COLUMNS = 80,
};

struct canvas {
    struct output *output;
    FILE *stream;
    enum palette_mode mode;
    bool halves; /* two lines of cells a line of text */
    size_t width;
    size_t scale; /* cells a character */
};

static size_t screen_width(void)
{
    const char *text = getenv("COLUMNS"); /* NOLINT(concurrency-mt-unsafe) */
    struct winsize size;
    uint64_t width = 0;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return text != NULL && parse_number(text, &width) && width > 0 &&
                   width < 4096
               ? (size_t)width
               : MAP_COLUMNS;
}

/* A power of two, so that a line starts at a round address. */
static size_t floor_power(size_t n)
{
    size_t power = 1;

    while (power * 2 <= n)
        power *= 2;
    return power;
}

static struct canvas canvas_make(struct output *output)
{
    struct canvas canvas = {
        .output = output,
        .stream = output_stream(output),
        .mode = palette_mode(output),
        .scale = 1,
    };
    size_t width = screen_width();

    width = width > MAP_GUTTER + 16 ? width - MAP_GUTTER : 16;
    canvas.width = floor_power(width);
    canvas.halves = canvas.mode != PALETTE_ASCII && palette_has_blocks();
    return canvas;
}

static size_t rows_of(const struct stretch *stretch, size_t scale, size_t width)
{
    return (stretch->count + scale * width - 1) / (scale * width);
}

/* So that the largest stretch has MAP_ROWS lines or fewer. */
static void choose_scale(struct canvas *canvas, const struct picture *picture)
{
    size_t rows = MAP_ROWS * (canvas->halves ? 2 : 1);

    for (size_t i = 0; i < picture->count; i++) {
        while (rows_of(&picture->stretches[i], canvas->scale, canvas->width) >
               rows)
            canvas->scale *= 2;
    }
}

/* The shades of one row; how many characters it has. */
static size_t shade_row(const struct canvas *canvas,
                        const struct stretch *stretch, size_t row,
                        uint8_t *shades)
{
    size_t width = 0;

    memset(shades, LEVEL_ABSENT, canvas->width);
    for (; width < canvas->width; width++) {
        size_t from = (row * canvas->width + width) * canvas->scale;
        struct cell_sum sum = {0};
        if (from >= stretch->count)
            break;
        size_t left = stretch->count - from;
        cells_add(&sum, stretch->cells + from,
                  left < canvas->scale ? left : canvas->scale);
        shades[width] = (uint8_t)cells_level(&sum);
    }
    return width;
}

static void draw_stretch(const struct canvas *canvas,
                         const struct stretch *stretch)
{
    size_t rows = rows_of(stretch, canvas->scale, canvas->width);
    size_t step = canvas->halves ? 2 : 1;
    uint8_t *upper = xcalloc(canvas->width, 1);
    uint8_t *lower = xcalloc(canvas->width, 1);
    char address[32];

    for (size_t row = 0; row < rows; row += step) {
        bool two = canvas->halves && row + 1 < rows;
        size_t width = shade_row(canvas, stretch, row, upper);
        if (two)
            (void)shade_row(canvas, stretch, row + 1, lower);
        uintptr_t start =
            stretch->start + row * canvas->width * canvas->scale * CELL_BYTES;
        (void)fprintf(
            canvas->stream, "%*s ", MAP_GUTTER - 1,
            output_address(canvas->output, start, address, sizeof address));
        palette_line(canvas->stream, canvas->mode, upper, two ? lower : NULL,
                     width);
        (void)fputc('\n', canvas->stream);
    }
    free(upper);
    free(lower);
}

/* "zone  64.0 MiB, 40.1 MiB resident, 55 % of it in use" */
static void describe(const struct canvas *canvas, const char *name,
                     const struct cell_sum *sum)
{
    char size[32];
    char resident[32];

    (void)fprintf(
        canvas->stream, "%s  %s, %s resident", name,
        output_bytes(canvas->output, sum->bytes, size, sizeof size),
        output_bytes(canvas->output, sum->resident, resident, sizeof resident));
    if (sum->resident > 0) {
        (void)fprintf(canvas->stream, ", %zu %% of it in use",
                      (sum->resident - sum->held) * 100 / sum->resident);
    }
    (void)fputc('\n', canvas->stream);
}

static void describe_scale(const struct canvas *canvas)
{
    char text[32];

    (void)fprintf(canvas->stream, "a character is %s; ",
                  output_bytes(canvas->output,
                               (uint64_t)canvas->scale * CELL_BYTES, text,
                               sizeof text));
    palette_legend(canvas->stream, canvas->mode);
}

/* Mappings smaller than a character, and tables, are counted, not drawn. */
static void draw_all(struct canvas *canvas, const struct picture *picture)
{
    struct cell_sum rest = {0};
    struct cell_sum tables = {0};
    size_t small = 0;

    choose_scale(canvas, picture);
    describe_scale(canvas);
    for (size_t i = 0; i < picture->count; i++) {
        const struct stretch *stretch = &picture->stretches[i];
        struct cell_sum sum = {0};
        if (stretch->cells[0].kind == BLOCK_META) {
            cells_add(&tables, stretch->cells, stretch->count);
            continue;
        }
        if (stretch->count < canvas->scale) {
            small++;
            cells_add(&rest, stretch->cells, stretch->count);
            continue;
        }
        cells_add(&sum, stretch->cells, stretch->count);
        (void)fputc('\n', canvas->stream);
        describe(canvas, stretch_name(stretch), &sum);
        draw_stretch(canvas, stretch);
    }
    if (small > 0) {
        char name[64];
        (void)fputc('\n', canvas->stream);
        (void)snprintf(name, sizeof name, "%zu smaller mappings", small);
        describe(canvas, name, &rest);
    }
    (void)fputc('\n', canvas->stream);
    describe(canvas, "metadata", &tables);
}

/* The tile of an address, a character a page. */
static enum status draw_tile(struct context *context, struct canvas *canvas,
                             const struct picture *picture, uintptr_t address)
{
    for (size_t i = 0; i < picture->count; i++) {
        const struct stretch *stretch = &picture->stretches[i];
        size_t cell = (address - stretch->start) / CELL_BYTES;
        size_t from;
        if (address < stretch->start || cell >= stretch->count)
            continue;
        size_t lead = stretch->start % TILE_BYTES / CELL_BYTES;
        size_t count = stretch_tile(stretch, (lead + cell) / TILE_CELLS, &from);
        struct stretch tile = {
            .start = stretch->start + from * CELL_BYTES,
            .count = count,
            .cells = stretch->cells + from,
        };
        struct cell_sum sum = {0};
        cells_add(&sum, tile.cells, count);
        describe_scale(canvas);
        describe(canvas, "\n2 MiB", &sum);
        draw_stretch(canvas, &tile);
        return STATUS_FINE;
    }
    return fail(context->failure, STATUS_USAGE,
                "--zoom: the address is not in the heap");
}

static bool tile_row(struct table *table, const struct stretch *stretch,
                     size_t i)
{
    struct cell_sum sum = {0};
    size_t from;
    size_t count = stretch_tile(stretch, i, &from);

    cells_add(&sum, stretch->cells + from, count);
    struct value values[NCOLUMNS] = {
        value_number(stretch->start + from * CELL_BYTES),
        value_number(sum.bytes),
        value_number(sum.live),
        value_number(sum.cached),
        value_number(sum.resident),
        value_number(sum.held),
        value_part(sum.resident - sum.held, sum.resident),
        value_number(sum.huge),
    };
    return table_row(table, values);
}

static enum status tile_table(struct context *context,
                              const struct picture *picture)
{
    struct table *table =
        table_begin(context->output, "map", columns, NCOLUMNS);

    for (size_t i = 0; i < picture->count; i++) {
        size_t tiles = stretch_tiles(&picture->stretches[i]);
        for (size_t t = 0; t < tiles; t++) {
            if (!tile_row(table, &picture->stretches[i], t))
                return table_end(table);
        }
    }
    return table_end(table);
}

static enum status draw(struct context *context, const struct picture *picture)
{
    const char *zoom = command_option(context, "zoom");
    struct canvas canvas = canvas_make(context->output);
    uint64_t address;

    if (!picture->knows_residency) {
        target_warn(context->target, "which pages are resident is not known "
                                     "here: all are drawn as if they were");
    }
    if (!output_is_text(context->output) ||
        command_option(context, "tiles") != NULL)
        return tile_table(context, picture);
    if (zoom == NULL) {
        draw_all(&canvas, picture);
        return STATUS_FINE;
    }
    if (!parse_number(zoom, &address)) {
        return fail(context->failure, STATUS_USAGE,
                    "--zoom: \"%s\" is no address", zoom);
    }
    return draw_tile(context, &canvas, picture, address);
}

static enum status run(struct context *context)
{
    struct model *model = view_begin(context, true);

    if (model == NULL)
        return context->failure->status;
    struct picture *picture = picture_take(model, NULL, NULL);
    view_unverified(context, model, picture->unverified);
    enum status status = draw(context, picture);
    picture_free(picture);
    return view_end(context, model, status);
}

const struct command cmd_map = {
    .name = "map",
    .arguments = "TARGET",
    .summary = "a picture of the heap: what is resident, how much of it is "
               "in use",
    .example = "heapinspect map 1234 --zoom 0x7f0012345000",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
    .options =
        {
            {"zoom", "ADDR", "Only the 2 MiB that hold ADDR, page by page"},
            {"tiles", NULL, "A table, one row a tile of 2 MiB"},
        },
};
