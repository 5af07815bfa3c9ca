/* SPDX-License-Identifier: MIT */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H
/*
 * The data of `report`: one JSON object, a member a section of the page.
 * report.c gathers and writes; the others fill in members of `root`.
 */
#include "cmd/profiled.h"
#include "picture/detail.h"
#include "picture/picture.h"
#include "walk/ledger.h"
#include "walk/pins.h"
#include "walk/usage.h"

#include <jansson.h>

/* Bytes in the page, so that it stays below 5 MB whatever the heap. */
enum report_budget {
    REPORT_TILES = 16384,         /* more: larger tiles */
    REPORT_CELL_BYTES = 1800000,  /* pages of the worst tiles */
    REPORT_OBJECT_BYTES = 900000, /* objects of the worst tiles */
    REPORT_STRETCHES = 1000,
    REPORT_VMAS = 800,
    REPORT_ROWS = 400,    /* of each other table */
    REPORT_NODES = 12000, /* of the flame graph */
};

struct report {
    struct context *context;
    struct target *target;
    struct model *model;
    struct picture *picture;
    struct usage *usage;
    struct ledger *ledger;
    struct detail detail;
    struct profiled profiled; /* profile NULL: there is none */
    size_t tile_cells;        /* TILE_CELLS, or more of a large heap */
    json_t *root;
};

/* Tiles, pages and objects. */
void report_picture(struct report *report);

/* Threads, classes, arenas, buddy lists, object caches. */
void report_heap(struct report *report);

/* The ledger and deciles; where the memory is, and what to do about it. */
void report_answer(struct report *report);

/* What would go back if a few objects were elsewhere. */
struct pins_worth {
    size_t objects; /* each good for a system page at least */
    size_t bytes;
};

/* The objects that hold most. */
struct pins_worth report_pins(struct report *report);

/* The stacks of a profile, if there is one; ends report->profiled. */
void report_flame(struct report *report);

/* VMAs, with what is the heap's in each. */
void report_vmas(struct report *report);

/* An address as text, hashed if so wished. */
json_t *report_address(const struct report *report, uintptr_t address);

static inline json_t *report_number(size_t number)
{
    return json_integer((json_int_t)number);
}

/* Says in "left_out" what the page does not hold. */
void report_left_out(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
