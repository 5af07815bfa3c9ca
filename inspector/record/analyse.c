/* SPDX-License-Identifier: MIT */
#include "record/analyse.h"

#include "memory.h"
#include "record/live.h"

#include <stdlib.h>

struct last_call {
    uint64_t address; /* that the thread's last call allocated; 0: none */
    struct live_block moved; /* taken by a reallocation that is under way */
};

struct analyser {
    struct analysis *analysis;
    const struct record_listener *listener;
    struct live_blocks live;
    uint32_t *row_of; /* by stack, + 1 */
    struct last_call *threads;
    size_t nthreads;
    uint64_t peaks;
};

enum { THREADS_MAX = 1 << 24 };

static struct last_call *thread_of(struct analyser *a, uint32_t thread)
{
    while (a->nthreads <= thread) {
        a->threads = xgrow(a->threads, a->nthreads, sizeof *a->threads);
        a->threads[a->nthreads++] = (struct last_call){0};
    }
    return &a->threads[thread];
}

/* The row's number, + 1. */
static uint32_t row_number(struct analyser *a, uint32_t stack)
{
    struct analysis *analysis = a->analysis;

    if (a->row_of[stack] == 0) {
        analysis->rows =
            xgrow(analysis->rows, analysis->nrows, sizeof *analysis->rows);
        analysis->rows[analysis->nrows] = (struct record_row){.stack = stack};
        a->row_of[stack] = (uint32_t)++analysis->nrows;
    }
    return a->row_of[stack];
}

/* Before its live bytes change: those of the peak are kept. */
static void keep_peak(const struct analyser *a, struct record_row *row)
{
    if (row->peak_number != a->peaks) {
        row->at_peak = row->live;
        row->peak_number = a->peaks;
    }
}

static void add_live(struct analyser *a, const struct live_block *block,
                     uint32_t ms)
{
    struct record_totals *totals = &a->analysis->totals;
    struct record_row *row = &a->analysis->rows[block->row - 1];

    keep_peak(a, row);
    row->live += block->size;
    row->live_blocks++;
    totals->live += block->size;
    totals->live_blocks++;
    if (totals->live > totals->peak) {
        totals->peak = totals->live;
        totals->peak_ms = ms;
        a->peaks++;
    }
    live_add(&a->live, block);
}

static void allocate(struct analyser *a, const struct record_item *item)
{
    struct record_totals *totals = &a->analysis->totals;
    struct live_block old;
    struct live_block block = {.address = item->address,
                               .size = item->size,
                               .row = row_number(a, item->stack),
                               .ms = item->ms};
    struct record_row *row = &a->analysis->rows[block.row - 1];

    /* Its free was not recorded. */
    if (live_take(&a->live, item->address, &old)) {
        struct record_row *of_old = &a->analysis->rows[old.row - 1];
        keep_peak(a, of_old);
        of_old->live -= old.size;
        of_old->live_blocks--;
        totals->live -= old.size;
        totals->live_blocks--;
    }
    if (a->listener != NULL && a->listener->allocated != NULL)
        block.number = a->listener->allocated(a->listener->context, item);
    totals->allocations++;
    totals->bytes += item->size;
    row->allocations++;
    row->bytes += item->size;
    add_live(a, &block, item->ms);
    thread_of(a, item->thread)->address = item->address;
}

/* Takes the block out; the call that does so may be a reallocation. */
static bool release(struct analyser *a, const struct record_item *item,
                    struct live_block *block)
{
    struct record_totals *totals = &a->analysis->totals;

    if (!live_take(&a->live, item->address, block)) {
        totals->unknown_frees++;
        return false;
    }
    struct record_row *row = &a->analysis->rows[block->row - 1];
    keep_peak(a, row);
    row->live -= block->size;
    row->live_blocks--;
    totals->live -= block->size;
    totals->live_blocks--;
    return true;
}

/* The block is gone for good. */
static void count_free(struct analyser *a, const struct live_block *block,
                       uint32_t ms, bool is_temporary)
{
    struct record_row *row = &a->analysis->rows[block->row - 1];

    a->analysis->totals.frees++;
    row->frees++;
    row->lifetime_ms += ms > block->ms ? ms - block->ms : 0;
    if (is_temporary) {
        row->temporary++;
        a->analysis->totals.temporary++;
    }
    if (a->listener != NULL && a->listener->released != NULL)
        a->listener->released(a->listener->context, block->number, ms);
}

static void take_free(struct analyser *a, const struct record_item *item)
{
    struct last_call *last = thread_of(a, item->thread);
    struct live_block block;

    if (release(a, item, &block))
        count_free(a, &block, item->ms, last->address == item->address);
    last->address = 0;
}

/* Between the two events of a reallocation the block is nowhere. */
static void take_reallocated(struct analyser *a, const struct record_item *item)
{
    struct last_call *last = thread_of(a, item->thread);
    struct live_block moved = last->moved;
    bool is_temporary = moved.row != 0 && last->address == moved.address;

    last->moved.row = 0;
    if (item->address == 0 && item->size != 0) { /* it failed */
        if (moved.row != 0)
            add_live(a, &moved, item->ms);
        return;
    }
    if (moved.row != 0)
        count_free(a, &moved, item->ms, is_temporary);
    last->address = 0;
    if (item->address != 0)
        allocate(a, item);
}

static void visit(void *context, const struct record_item *item)
{
    struct analyser *a = context;
    struct record_totals *totals = &a->analysis->totals;

    totals->events++;
    totals->last_stamp = item->stamp;
    totals->last_ms = item->ms;
    if (item->op < RECORD_MALLOC || item->op > RECORD_REALLOCED ||
        item->thread >= THREADS_MAX)
        return;
    totals->calls[item->op]++;
    switch (item->op) {
    case RECORD_FREE:
        take_free(a, item);
        break;
    case RECORD_REALLOC:
        if (!release(a, item, &thread_of(a, item->thread)->moved))
            thread_of(a, item->thread)->moved.row = 0;
        break;
    case RECORD_REALLOCED:
        take_reallocated(a, item);
        break;
    case RECORD_MALLOC:
    case RECORD_CALLOC:
    case RECORD_ALIGNED:
        allocate(a, item);
        break;
    }
}

struct analysis *analyse(const struct record *record,
                         const struct record_listener *listener)
{
    struct analysis *analysis = xcalloc(1, sizeof *analysis);
    struct analyser a = {.analysis = analysis, .listener = listener};

    a.row_of = xcalloc(record->nframes, sizeof *a.row_of);
    analysis->is_whole = record_walk(record, visit, &a);
    for (size_t i = 0; i < analysis->nrows; i++)
        keep_peak(&a, &analysis->rows[i]);
    live_free(&a.live);
    free(a.row_of);
    free(a.threads);
    return analysis;
}

void analysis_free(struct analysis *analysis)
{
    free(analysis->rows);
    free(analysis);
}

uint64_t analysis_missing(const struct record *record,
                          const struct analysis *analysis)
{
    const struct record_totals *totals = &analysis->totals;
    uint64_t gaps = totals->last_stamp > totals->events
                        ? totals->last_stamp - totals->events
                        : 0;

    return record->end.lost > gaps ? record->end.lost : gaps;
}
