/* SPDX-License-Identifier: MIT */
#ifndef RECORD_ANALYSE_H
#define RECORD_ANALYSE_H
/*
 * What a record adds up to, in all and by stack.  A reallocation is a free
 * and an allocation.  Temporary: the thread's next call frees it.
 */
#include "record/reader.h"

struct record_row {
    uint32_t stack;
    uint64_t allocations;
    uint64_t bytes;
    uint64_t temporary;
    uint64_t live; /* bytes; at the end: leaked */
    uint64_t live_blocks;
    uint64_t frees;
    uint64_t lifetime_ms; /* of the freed ones, all together */
    uint64_t at_peak;     /* bytes live at the peak of the whole */
    uint64_t peak_number; /* that `at_peak` is of */
};

struct record_totals {
    uint64_t events;
    uint64_t last_stamp;
    uint64_t calls[RECORD_REALLOCED + 1]; /* by enum record_op */
    uint64_t allocations;
    uint64_t frees;
    uint64_t unknown_frees; /* of blocks from before, or unrecorded */
    uint64_t bytes;
    uint64_t temporary;
    uint64_t live;
    uint64_t live_blocks;
    uint64_t peak;
    uint32_t peak_ms;
    uint32_t last_ms;
};

/* What an export wants to see; either may be NULL. */
struct record_listener {
    void *context;
    /* The allocation's number for released(), or anything. */
    uint32_t (*allocated)(void *context, const struct record_item *item);
    void (*released)(void *context, uint32_t number, uint32_t ms);
};

struct analysis {
    struct record_row *rows;
    size_t nrows;
    struct record_totals totals;
    bool is_whole; /* no block was damaged */
};

struct analysis *analyse(const struct record *record,
                         const struct record_listener *listener);
void analysis_free(struct analysis *analysis);

/* Events that the file does not hold, by the gaps of the stamps. */
uint64_t analysis_missing(const struct record *record,
                          const struct analysis *analysis);

#endif
