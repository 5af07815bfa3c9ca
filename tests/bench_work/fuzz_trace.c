/* SPDX-License-Identifier: MIT */
/*
 * Damaged traces, thousands of them, under the sanitizers: each is read to the
 * end or refused with a reason; none may be read beyond its rules.
 */
#include "reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { ROUNDS = 2000, MOST = 1 << 16 };

static uint64_t state = 1;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t put_number(unsigned char *bytes, uint64_t number)
{
    size_t used = 0;
    for (; number >= 0x80; number >>= 7)
        bytes[used++] = (unsigned char)(number | 0x80);
    bytes[used++] = (unsigned char)number;
    return used;
}

static size_t put(unsigned char *bytes, enum trace_op op, uint64_t value)
{
    return put_number(bytes, value << TRACE_OP_BITS | op);
}

/* Two threads; each object is made, grown and ended by turns. */
static size_t good_trace(unsigned char *bytes)
{
    enum { OBJECTS = 50 };
    size_t used = TRACE_MAGIC_BYTES;
    memcpy(bytes, TRACE_MAGIC, TRACE_MAGIC_BYTES);
    used += put_number(bytes + used, 4);
    for (const char *letter = "fuzz"; *letter; letter++)
        bytes[used++] = (unsigned char)*letter;
    const uint64_t header[] = {4 * OBJECTS, 3 * OBJECTS, 2, 5000, 4096};
    for (unsigned i = 0; i < 5; i++)
        used += put_number(bytes + used, header[i]);
    for (unsigned i = 0; i < OBJECTS; i++) {
        used += put(bytes + used, TRACE_THREAD, i % 2);
        used += put(bytes + used, TRACE_MALLOC, 8 * i);
        used += put(bytes + used, TRACE_REALLOC, 1);
        used += put_number(bytes + used, 16 * i);
        used += put(bytes + used, TRACE_ALIGNED, 4096);
        used += put_number(bytes + used, 6);
        used += put(bytes + used, TRACE_FREE, 2);
    }
    return used + put(bytes + used, TRACE_END, 0);
}

static void write_trace(const char *path, const unsigned char *bytes,
                        size_t length)
{
    gzFile file = gzopen(path, "wb1");
    if (!file || gzfwrite(bytes, 1, length, file) != length ||
        gzclose(file) != Z_OK)
        abort();
}

/* Records read; -1: refused. */
static int read_trace(const char *path)
{
    const char *why = NULL;
    struct trace_record record;
    int count = 0;
    struct reader *reader = reader_open(path, &why);
    if (!reader)
        return why ? -1 : (abort(), 0);
    while (reader_next(reader, &record)) {
        count++;
        if (trace_makes(record.op) && (record.made >= reader->header.nobjects ||
                                       record.size > reader->header.max_size))
            abort();
        if (record.thread >= reader->header.nthreads)
            abort();
    }
    bool refused = reader->error != NULL;
    reader_close(reader);
    return refused ? -1 : count;
}

static void damage(unsigned char *bytes, size_t *length)
{
    for (uint64_t n = next_random() % 4; n < 4; n++) {
        bytes[next_random() % *length] ^=
            (unsigned char)(1u << next_random() % 8);
    }
    if (next_random() % 8 == 0)
        *length = next_random() % *length;
}

int main(int argc, char **argv)
{
    static unsigned char good[MOST];
    static unsigned char bad[MOST];
    unsigned refused = 0;
    if (argc != 2)
        return 2;
    size_t length = good_trace(good);
    write_trace(argv[1], good, length);
    if (read_trace(argv[1]) <= 0)
        abort();
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t left = length;
        memcpy(bad, good, length);
        damage(bad, &left);
        write_trace(argv[1], bad, left);
        refused += read_trace(argv[1]) < 0;
    }
    dprintf(1, "%u of %u damaged traces refused\n", refused, (unsigned)ROUNDS);
    unlink(argv[1]);
    return refused > ROUNDS / 2 ? 0 : 1;
}
