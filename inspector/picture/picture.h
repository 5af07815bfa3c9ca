/* SPDX-License-Identifier: MIT */
#ifndef PICTURE_H
#define PICTURE_H
/*
 * The heap as it is drawn: a cell a page of 16 KiB, in stretches of cells that
 * are neighbours; what lies in each, and how much of it is resident.
 *
 *   stretch   brk of the main arena, a zone up to its frontier, mappings
 *     tile    2 MiB of addresses: 128 cells, a huge page
 *       cell  occupancy = live / 16 KiB; held = resident - live
 *
 * Twelve bytes a page: 0.07 % of the heap.
 */
#include "walk/model.h"
#include "walk/objects.h"

#define TILE_BYTES ((size_t)2 << 20)

enum {
    CELL_BYTES = PAGE_BYTES,
    TILE_CELLS = 128,
    PICTURE_CELLS = 1 << 23, /* 128 GiB; more is left out, and said */
    CELL_QUARTERS = 4,
};

enum cell_state {
    CELL_RESIDENT = 15, /* a bit a quarter of the cell: some of it resident */
    CELL_HUGE = 16,     /* in a huge page */
    CELL_SWAPPED = 32,
};

struct cell {
    uint16_t live;     /* bytes of objects in the program's hands */
    uint16_t cached;   /* free, in threads' bins or on their way */
    uint16_t resident; /* bytes */
    uint16_t held;     /* of these, of no live object */
    uint16_t objects;  /* live ones that lie in it, wholly or in part */
    uint8_t kind;      /* enum block_kind */
    uint8_t state;     /* enum cell_state */
};

struct stretch {
    uintptr_t start; /* multiple of CELL_BYTES */
    size_t count;    /* cells */
    struct cell *cells;
    bool is_brk;
};

/* Sums over cells. */
struct cell_sum {
    size_t bytes;
    size_t live;
    size_t cached;
    size_t resident;
    size_t held;
    size_t huge; /* of the resident bytes */
    size_t kind[NBLOCKKINDS];
};

struct picture {
    const struct model *model;
    struct stretch *stretches; /* by address */
    size_t count;
    struct cell_sum sum;
    size_t left_out;      /* bytes of stretches beyond PICTURE_CELLS */
    size_t unverified;    /* blocks and chunks that made no sense */
    bool knows_residency; /* else all of it counts as resident */
    size_t objects;       /* live ones; 0 in a coarse picture */
    size_t object_bytes;  /* that they may use */
};

/* Told of every object of the walk, neighbours in order but for brk. */
typedef void picture_object_fn(void *data, const struct object *object);

/* Never NULL; free it.  `each` may be NULL. */
struct picture *picture_take(const struct model *model, picture_object_fn *each,
                             void *data);

/*
 * Without a look at objects, quick enough for every second: slabs by their
 * counts, arenas by what they hold on average.
 */
struct picture *picture_take_coarse(const struct model *model);
void picture_free(struct picture *picture);

/* The cell of an address; NULL: of no stretch. */
struct cell *picture_cell(const struct picture *picture, uintptr_t address);

/* "brk", "zone", "mmap", "metadata": by what most of it is. */
const char *stretch_name(const struct stretch *stretch);

/* Tiles are by address: the first and last of a stretch may be partial. */
size_t stretch_tiles(const struct stretch *stretch);

/* The cells of tile i: index of the first in *from; how many. */
size_t stretch_tile(const struct stretch *stretch, size_t i, size_t *from);

void cells_add(struct cell_sum *sum, const struct cell *cells, size_t count);

/* How full what is resident is: the colour of everything that is drawn. */
enum level {
    LEVEL_ABSENT,    /* nothing resident, nothing live */
    LEVEL_UNTOUCHED, /* nothing resident, though some is live */
    LEVEL_FREE,      /* resident, none of it in use; then by tenths */
    LEVEL_FULL = LEVEL_FREE + 10,
    NLEVELS,
};
unsigned cells_level(const struct cell_sum *sum);

#endif
