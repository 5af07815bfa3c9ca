/* SPDX-License-Identifier: MIT */
#ifndef RECORD_FILE_H
#define RECORD_FILE_H
/*
 * The file of a record: docs/record-format.md.
 *
 *   | file header | block header | zstd frame | block header | zstd frame ...
 *
 * A file that ends early is read up to its last whole block.
 */
#include "layout/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_FILE_MAGIC UINT64_C(0x44524f434552414c) /* "LARECORD" */

enum {
    RECORD_VERSION = 1,
    RECORD_BLOCK_MAGIC = 0x314b4c42, /* "BLK1" */
    RECORD_BLOCK_RAW_MAX = 4 << 20,  /* bytes of any block's content */
    RECORD_BLOCK_NODES = 1 << 16,    /* of one block, at most */
    RECORD_NODE_BYTES_MAX = 15,      /* of one, encoded */
    RECORD_EVENT_BYTES_MAX = 10 * 5 + 1,
};

enum record_kind {
    BLOCK_INFO = 1, /* the command's words, each with its NUL */
    BLOCK_NODES,    /* first: the number of the first */
    BLOCK_MODULES,  /* struct record_module */
    BLOCK_EVENTS,   /* of one thread; first, last: stamps */
    BLOCK_END,      /* struct record_end */
};

struct record_file_header {
    uint64_t magic;
    uint32_t version;
    uint32_t pid;
    uint64_t time; /* of the start, Unix seconds */
};

struct record_block {
    uint32_t magic;
    uint32_t kind;
    uint32_t thread;
    uint32_t count; /* of events, nodes, modules */
    uint64_t first;
    uint64_t last;
    uint32_t first_ms;
    uint32_t last_ms;
    uint32_t raw_size;
    uint32_t stored_size; /* of the zstd frame behind this header */
};

/* What only the recorder knows; a file without it was cut short. */
struct record_end {
    uint64_t lost;      /* events that were not written */
    uint64_t stackless; /* stacks cut for want of nodes */
    uint32_t duration_ms;
    uint32_t threads;
    uint32_t forked;
    uint32_t others;
    uint32_t execs; /* what was recorded before the last is left out */
    uint32_t wait_status;
};

/* Columns of a block: one kind of number after the other.  LEB128; zigzag for
   differences. */
static inline uint8_t *record_put(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static inline uint8_t *record_put_difference(uint8_t *at, uint64_t value,
                                             uint64_t before)
{
    uint64_t difference = value - before;

    return record_put(at, difference << 1 ^ (0 - (difference >> 63)));
}

struct record_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad; /* it ended too early, or holds no number */
};

static inline uint64_t record_get(struct record_cursor *cursor)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end;
         shift += 7) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    cursor->bad = true;
    return 0;
}

static inline uint64_t record_get_difference(struct record_cursor *cursor,
                                             uint64_t before)
{
    uint64_t value = record_get(cursor);

    return before + (value >> 1 ^ (0 - (value & 1)));
}

#endif
