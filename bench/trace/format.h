/* SPDX-License-Identifier: MIT */
#ifndef FORMAT_H
#define FORMAT_H
/* The trace file, as FORMAT.md has it: records, header, limits. */
#include <stdbool.h>
#include <stdint.h>

#define TRACE_MAGIC "LATRACE1"

enum {
    TRACE_MAGIC_BYTES = 8,
    TRACE_OP_BITS = 3,
    TRACE_MAX_NAME = 255,
    TRACE_MAX_THREADS = 65536,
    TRACE_MAX_ALIGN_LOG2 = 30,
};

/* Larger sizes are not allocated by anybody. */
#define TRACE_MAX_SIZE ((uint64_t)1 << 47)

enum trace_op {
    TRACE_THREAD,
    TRACE_MALLOC,
    TRACE_CALLOC,
    TRACE_ALIGNED,
    TRACE_REALLOC,
    TRACE_FREE,
    TRACE_END,
    TRACE_OPS,
};

struct trace_header {
    char program[TRACE_MAX_NAME + 1];
    uint64_t ncalls;
    uint64_t nobjects;
    uint64_t nthreads;
    uint64_t peak_bytes;
    uint64_t max_size;
};

/* One call, with the names of objects and threads spelled out. */
struct trace_record {
    enum trace_op op;
    unsigned align_log2; /* ALIGNED */
    uint32_t thread;     /* that calls; for THREAD: that begins to */
    uint64_t size;
    uint64_t object; /* FREE, REALLOC: the one that ends */
    uint64_t made;   /* all others: the one that begins */
};

static inline bool trace_makes(enum trace_op op)
{
    return op >= TRACE_MALLOC && op <= TRACE_REALLOC;
}

static inline bool trace_ends(enum trace_op op)
{
    return op == TRACE_REALLOC || op == TRACE_FREE;
}

#endif
