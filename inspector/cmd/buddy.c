/* SPDX-License-Identifier: MIT */
/* buddy: /proc/buddyinfo's layout, then what each order could not serve. */
#include "cmd/view.h"
#include "walk/resident.h"

#include <stdio.h>

#define ORDER(n)                                              \
    {                                                         \
#        n, "order" #        n, COLUMN_COUNT, false,          \
            "free blocks of 2^" #        n " pages of 16 KiB" \
    }
static const struct column columns[] = {
    {"ZONE", "zone", COLUMN_COUNT, false, "a reserved span of addresses"},
    ORDER(0),
    ORDER(1),
    ORDER(2),
    ORDER(3),
    ORDER(4),
    ORDER(5),
    ORDER(6),
    ORDER(7),
    ORDER(8),
    ORDER(9),
    ORDER(10),
    ORDER(11),
    ORDER(12),
    {"FREE", "free", COLUMN_BYTES, false, "of all orders"},
    {"UNTOUCHED", "untouched", COLUMN_BYTES, false,
     "committed behind the frontier, never used: no memory lies there"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };
_Static_assert(NORDERS == 13, "a column an order");

static const struct column order_columns[] = {
    {"ORDER", "order", COLUMN_COUNT, false, "blocks of 2^ORDER pages"},
    {"SIZE", "size", COLUMN_BYTES, false, "of a block"},
    {"BLOCKS", "blocks", COLUMN_COUNT, false, "free ones"},
    {"BYTES", "bytes", COLUMN_BYTES, false, "in them"},
    {"RESIDENT", "resident", COLUMN_BYTES, false,
     "of these: free, but still memory of the process"},
    {"CLEAN", "clean", COLUMN_BYTES, false,
     "of BYTES: given back to the kernel, reads as zero"},
    {"UNUSABLE", "unusable", COLUMN_RATIO, false,
     "part of the free memory in blocks too small for this order: near 100 % "
     "beside much free memory, new blocks come from untouched addresses"},
};
enum { NORDER_COLUMNS = sizeof order_columns / sizeof *order_columns };

struct order_sum {
    size_t blocks;
    size_t bytes;
    size_t resident;
    size_t clean;
};

static void count_zone(const struct model *model, const struct model_zone *zone,
                       struct resident *resident, struct order_sum *sums,
                       size_t *blocks)
{
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        if (block.kind != BLOCK_FREE || block.zone != zone ||
            block.order >= NORDERS)
            continue;
        struct order_sum *sum = &sums[block.order];
        blocks[block.order]++;
        sum->blocks++;
        sum->bytes += block.size;
        sum->resident += resident_bytes(resident, block.start, block.size);
        for (size_t i = 0; i < block.size >> PAGE_SHIFT; i++) {
            if (!zone_is_dirty(zone, block.pfn + i))
                sum->clean += PAGE_BYTES;
        }
    }
}

static bool zone_row(struct table *table, const struct model_zone *zone,
                     const size_t *blocks)
{
    struct value values[NCOLUMNS];
    size_t free_pages = 0;

    values[0] = value_number(zone->zone.index);
    for (unsigned order = 0; order < NORDERS; order++) {
        values[1 + order] = value_number(blocks[order]);
        free_pages += blocks[order] << order;
    }
    values[NORDERS + 1] = value_number(free_pages << PAGE_SHIFT);
    values[NORDERS + 2] = value_number(
        zone->zone.committed > zone->zone.frontier
            ? (zone->zone.committed - zone->zone.frontier) << PAGE_SHIFT
            : 0);
    return table_row(table, values);
}

static enum status order_table(struct context *context,
                               const struct order_sum *sums,
                               const struct resident *resident)
{
    struct table *table =
        table_begin(context->output, "orders", order_columns, NORDER_COLUMNS);
    size_t total = 0;
    size_t below = 0;

    for (unsigned order = 0; order < NORDERS; order++)
        total += sums[order].bytes;
    for (unsigned order = 0; order < NORDERS; order++) {
        const struct order_sum *sum = &sums[order];
        struct value values[NORDER_COLUMNS] = {
            value_number(order),
            value_number((size_t)PAGE_BYTES << order),
            value_number(sum->blocks),
            value_number(sum->bytes),
            resident->known ? value_number(sum->resident) : value_unknown(),
            value_number(sum->clean),
            value_part(below, total),
        };
        if (!table_row(table, values))
            break;
        below += sum->bytes;
    }
    return table_end(table);
}

static enum status run(struct context *context)
{
    struct model *model = view_begin(context, false);
    struct order_sum sums[NORDERS] = {{0}};
    struct resident resident;

    if (model == NULL)
        return context->failure->status;
    resident_begin(&resident, context->target);
    struct table *table =
        table_begin(context->output, "buddy", columns, NCOLUMNS);
    for (size_t i = 0; i < model->nzones; i++) {
        size_t blocks[NORDERS] = {0};
        count_zone(model, &model->zones[i], &resident, sums, blocks);
        if (!zone_row(table, &model->zones[i], blocks))
            break;
    }
    enum status status = table_end(table);
    enum status orders = order_table(context, sums, &resident);
    resident_end(&resident);
    return view_end(context, model, status != STATUS_FINE ? status : orders);
}

const struct command cmd_buddy = {
    .name = "buddy",
    .arguments = "TARGET",
    .summary = "free blocks by order, and the unusable-space index",
    .example = "heapinspect buddy 1234",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
