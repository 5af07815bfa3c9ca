/* SPDX-License-Identifier: MIT */
#ifndef READER_H
#define READER_H
/*
 * A trace, read record by record and checked against every rule of FORMAT.md.
 * All memory comes from mmap: the replay's heap must be left alone.
 */
#include "format.h"

#include <stdio.h>
#include <zlib.h>

enum { READER_BUFFER = 65536 };

struct reader {
    struct trace_header header;
    const char *error; /* a constant string; NULL: none so far */
    int fd;
    z_stream stream;
    bool stream_ended;
    unsigned char in[READER_BUFFER];
    unsigned char out[READER_BUFFER];
    unsigned next; /* in out[] */
    unsigned end;
    /* What the records so far say. */
    uint64_t ncalls;
    uint64_t nobjects;
    uint32_t nthreads;
    uint32_t thread;
    unsigned char *live; /* a bit per object */
};

/* NULL: `*why` says so, a constant string.  Leaves the header read. */
struct reader *reader_open(const char *path, const char **why);
void reader_close(struct reader *reader);

/* False at the end, and where reader->error says what is wrong. */
bool reader_next(struct reader *reader, struct trace_record *record);

#endif
