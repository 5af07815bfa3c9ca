/* SPDX-License-Identifier: MIT */
#ifndef RAW_H
#define RAW_H
/*
 * What the recorder leaves for bench_trace: a file in the directory that
 * BENCH_TRACE_DIR names, a header and chunks of events.
 *
 *   | header | pad to 65536 | event event ... | event ... 0 0 0 | ...
 *                          '--- RAW_CHUNK ---'
 *
 * An event is there when its stamp is not 0: the recorder writes that last.
 */
#include "layout/record.h"

#include <stdint.h>

#define RAW_DIR_VARIABLE  "BENCH_TRACE_DIR"
#define RAW_MAX_VARIABLE  "BENCH_TRACE_MAX"
#define RAW_MAGIC         0x3157415245434152u
#define RAW_HEADER_BYTES  65536 /* whole pages, however large these are */
#define RAW_CHUNK_BYTES   65536
#define RAW_PROGRAM_BYTES 128

struct raw_header {
    uint64_t magic;
    uint64_t pid;
    char program[RAW_PROGRAM_BYTES]; /* the last part of its path */
};

struct raw_event {
    uint64_t stamp; /* 1.. in the whole process; 0: no event */
    uint64_t address;
    uint64_t size;
    uint32_t thread;
    uint8_t op;
    uint8_t align_log2;
    uint16_t unused;
};

#endif
