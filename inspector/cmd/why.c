/* SPDX-License-Identifier: MIT */
/*
 * why: why memory has not gone back to the kernel.  Of an address: the reason
 * of its stretch; of a range, or the whole heap: bytes by reason.
 */
#include "walk/why.h"
#include "cmd/view.h"
#include "number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"WHY", "why", COLUMN_TEXT, false, "reason code"},
    {"RESIDENT", "resident", COLUMN_BYTES, false,
     "memory that stays for this reason"},
    {"BYTES", "bytes", COLUMN_BYTES, false, "of addresses"},
    {"COUNT", "count", COLUMN_COUNT, false, "objects, slots, chunks, pages"},
    {"MEANING", "meaning", COLUMN_TEXT, false, "what it is and what to do"},
};
enum { NCOLUMNS = sizeof columns / sizeof *columns };

static const struct column part_columns[] = {
    {"ADDRESS", "address", COLUMN_ADDRESS, false, "as asked for"},
    {"WHY", "why", COLUMN_TEXT, false, "reason code"},
    {"START", "start", COLUMN_ADDRESS, false, "of the stretch"},
    {"SIZE", "size", COLUMN_BYTES, false, "of the stretch"},
    {"RESIDENT", "resident", COLUMN_BYTES, false, "of it, in memory"},
    {"HEAP", "heap", COLUMN_COUNT, false,
     "whose it is, or whose list it is on"},
    {"DETAIL", "detail", COLUMN_TEXT, false, "what holds it, how long yet"},
    {"MEANING", "meaning", COLUMN_TEXT, false, "what it is and what to do"},
};
enum { NPARTS = sizeof part_columns / sizeof *part_columns, DETAIL = 128 };

struct sums {
    struct resident *resident;
    uintptr_t start; /* of the range; all of it: 0, UINTPTR_MAX */
    uintptr_t end;
    size_t bytes[NWHYS];
    size_t held[NWHYS];
    size_t count[NWHYS];
    struct why_part last; /* that overlaps the range */
};

static void add(void *data, const struct why_part *part)
{
    struct sums *sums = data;
    uintptr_t start = part->start > sums->start ? part->start : sums->start;
    uintptr_t end = part->start + part->size;

    end = end < sums->end ? end : sums->end;
    if (end <= start)
        return;
    sums->bytes[part->why] += end - start;
    sums->held[part->why] += resident_bytes(sums->resident, start, end - start);
    sums->count[part->why]++;
    sums->last = *part;
}

static bool overlaps(const struct sums *sums, const struct block *block)
{
    return block->start < sums->end && block->start + block->size > sums->start;
}

static void sum_up(struct why_walk *walk, struct sums *sums)
{
    struct block_walk blocks;
    struct block block;

    block_walk_begin(&blocks, walk->model);
    while (block_walk_next(&blocks, &block)) {
        if (overlaps(sums, &block))
            why_block(walk, &block, add, sums);
    }
}

static enum status show_sums(struct context *context, const struct sums *sums)
{
    struct table *table =
        table_begin(context->output, "why", columns, NCOLUMNS);

    for (unsigned why = 0; why < NWHYS; why++) {
        const struct value values[NCOLUMNS] = {
            value_text(why_names[why]),     value_number(sums->held[why]),
            value_number(sums->bytes[why]), value_number(sums->count[why]),
            value_text(why_meanings[why]),
        };
        if (sums->count[why] > 0 && !table_row(table, values))
            break;
    }
    return table_end(table);
}

static const char *detail_of(const struct context *context,
                             const struct why_part *part, char text[DETAIL])
{
    const struct why_judgement *it = part->judgement;
    char have[32];
    char may[32];
    int n = 0;

    text[0] = '\0';
    if (part->why == WHY_PINNED && part->holders > 0) {
        (void)snprintf(text, DETAIL, "by %zu live objects", part->holders);
        return text;
    }
    if (it == NULL || (part->why != WHY_DUE && part->why != WHY_DECAY &&
                       part->why != WHY_THRESHOLD))
        return NULL;
    (void)output_bytes(context->output, it->dirty, have, sizeof have);
    (void)output_bytes(context->output, it->tolerated, may, sizeof may);
    if (part->why == WHY_DECAY)
        n = snprintf(text, DETAIL, "%lu ms left, ", it->verdict.left_ms);
    (void)snprintf(text + n, DETAIL - (size_t)n, "%s dirty, %s may be", have,
                   may);
    return text;
}

static bool part_row(struct context *context, struct table *table,
                     uintptr_t address, const struct why_part *part,
                     struct resident *resident)
{
    char text[DETAIL];
    bool has = part->size > 0;
    const struct value values[NPARTS] = {
        value_number(address),
        value_text(why_names[part->why]),
        has ? value_number(part->start) : value_unknown(),
        has ? value_number(part->size) : value_unknown(),
        has ? value_number(resident_bytes(resident, part->start, part->size))
            : value_unknown(),
        value_nonzero(part->heap_id),
        value_text(detail_of(context, part, text)),
        value_text(has ? why_meanings[part->why] : "not of the heap"),
    };

    return table_row(table, values);
}

static bool is_address(const char *text, uintptr_t *address)
{
    const char *rest;

    return view_address(text, address, &rest) && *rest == '\0';
}

/* Addresses, one row each. */
static enum status show_parts(struct context *context, struct why_walk *walk)
{
    struct table *table =
        table_begin(context->output, "why", part_columns, NPARTS);

    for (int i = 0; i < context->argc; i++) {
        uintptr_t address = 0;
        (void)is_address(context->argv[i], &address);
        struct sums sums = {
            .resident = walk->resident,
            .start = address,
            .end = address + 1,
            .last = {.why = WHY_UNKNOWN},
        };
        struct block block;
        if (block_at(walk->model, address, &block))
            why_block(walk, &block, add, &sums);
        if (!part_row(context, table, address, &sums.last, walk->resident))
            break;
    }
    return table_end(table);
}

/* "START-END" or "START+SIZE"; false: it is neither. */
static bool parse_range(const char *text, uintptr_t *start, uintptr_t *end)
{
    const char *rest;
    uint64_t size;

    if (!view_address(text, start, &rest))
        return false;
    if (*rest == '+' && parse_number(rest + 1, &size)) {
        *end = *start + size;
        return *end > *start;
    }
    return *rest == '-' && view_address(rest + 1, end, &rest) &&
           *rest == '\0' && *end > *start;
}

/* What is asked for: addresses, one range, or all; false: none of these. */
static bool parse(struct context *context, struct sums *sums, bool *parts)
{
    uintptr_t address;

    *parts = context->argc > 0;
    sums->end = UINTPTR_MAX;
    if (context->argc == 1 &&
        parse_range(context->argv[0], &sums->start, &sums->end)) {
        *parts = false;
        return true;
    }
    for (int i = 0; i < context->argc; i++) {
        if (!is_address(context->argv[i], &address)) {
            (void)fail(context->failure, STATUS_USAGE,
                       "`%.64s` is neither ADDR, START-END nor START+SIZE",
                       context->argv[i]);
            return false;
        }
    }
    return true;
}

static enum status run(struct context *context)
{
    static struct why_walk walk;
    struct resident resident;
    struct sums sums = {.resident = &resident};
    bool parts;

    if (!parse(context, &sums, &parts))
        return STATUS_USAGE;
    struct model *model = view_begin(context, true);
    if (model == NULL)
        return context->failure->status;
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    resident_begin(&resident, context->target);
    why_begin(&walk, model, freelist, &resident);
    enum status status = STATUS_FINE;
    if (parts) {
        status = show_parts(context, &walk);
    } else {
        sum_up(&walk, &sums);
        status = show_sums(context, &sums);
    }
    view_unverified(context, model,
                    walk.objects.unread + walk.objects.faults +
                        freelist->unverified);
    why_end(&walk);
    resident_end(&resident);
    freelist_free(freelist);
    return view_end(context, model, status);
}

const struct command cmd_why = {
    .name = "why",
    .arguments = "TARGET [ADDR...|START-END|START+SIZE]",
    .summary = "why memory has not gone back to the kernel, by reason",
    .example = "heapinspect why 1234 0x7f3210004000+2M",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
