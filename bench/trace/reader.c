/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    GZIP_WINDOW = 15 + 16, /* zlib's way to ask for gzip */
    DEFLATE_MOST = 1100,   /* no deflate stream swells more */
};

static void *pages(size_t bytes)
{
    void *mem = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mem == MAP_FAILED ? NULL : mem;
}

/* zlib's allocations live as long as the reader: none is given back. */
static void *zlib_alloc(void *unused, unsigned count, unsigned size)
{
    (void)unused;
    return pages((size_t)count * size);
}

static void zlib_free(void *unused, void *mem)
{
    (void)unused;
    (void)mem;
}

static bool bad(struct reader *reader, const char *why)
{
    if (!reader->error)
        reader->error = why;
    return false;
}

static bool refill_in(struct reader *reader)
{
    ssize_t got = 0;
    do {
        got = read(reader->fd, reader->in, sizeof reader->in);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return bad(reader, got < 0 ? "cannot be read" : "is cut short");
    reader->stream.next_in = reader->in;
    reader->stream.avail_in = (unsigned)got;
    return true;
}

/* More in out[]; false at the stream's end and on errors. */
static bool refill(struct reader *reader)
{
    z_stream *stream = &reader->stream;
    reader->next = 0;
    reader->end = 0;
    while (reader->end == 0 && !reader->stream_ended) {
        if (stream->avail_in == 0 && !refill_in(reader))
            return false;
        stream->next_out = reader->out;
        stream->avail_out = sizeof reader->out;
        int code = inflate(stream, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END)
            return bad(reader, "is damaged, or no gzip file");
        reader->stream_ended = code == Z_STREAM_END;
        reader->end = (unsigned)(sizeof reader->out - stream->avail_out);
    }
    return reader->end > 0;
}

static bool get_byte(struct reader *reader, unsigned char *byte)
{
    if (reader->next == reader->end && !refill(reader))
        return bad(reader, "is cut short");
    *byte = reader->out[reader->next++];
    return true;
}

static bool get_number(struct reader *reader, uint64_t *number)
{
    unsigned char byte = 0;
    *number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (!get_byte(reader, &byte))
            return false;
        uint64_t part = byte & 0x7f;
        if (part << shift >> shift != part)
            break;
        *number |= part << shift;
        if (byte < 0x80)
            return true;
    }
    return bad(reader, "has a number of more than 64 bits");
}

static bool get_text(struct reader *reader, char *text, size_t length)
{
    unsigned char byte = 0;
    for (size_t i = 0; i < length; i++) {
        if (!get_byte(reader, &byte))
            return false;
        text[i] = (char)byte;
    }
    return true;
}

/* A header may not promise more than its file can hold. */
static bool header_is_sane(const struct trace_header *header, int fd)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0 || stat.st_size < 0)
        return false;
    uint64_t most = (uint64_t)stat.st_size * DEFLATE_MOST;
    return header->ncalls <= most && header->nobjects <= header->ncalls &&
           header->nobjects <= UINT32_MAX &&
           header->nthreads <= TRACE_MAX_THREADS &&
           header->nthreads <= header->ncalls + 1 &&
           header->max_size <= TRACE_MAX_SIZE;
}

static bool get_header(struct reader *reader)
{
    struct trace_header *header = &reader->header;
    char magic[TRACE_MAGIC_BYTES];
    uint64_t length = 0;
    if (!get_text(reader, magic, sizeof magic))
        return false;
    if (memcmp(magic, TRACE_MAGIC, sizeof magic) != 0)
        return bad(reader, "is not a trace");
    if (!get_number(reader, &length))
        return false;
    if (length > TRACE_MAX_NAME)
        return bad(reader, "has a bad header");
    if (!get_text(reader, header->program, length) ||
        !get_number(reader, &header->ncalls) ||
        !get_number(reader, &header->nobjects) ||
        !get_number(reader, &header->nthreads) ||
        !get_number(reader, &header->peak_bytes) ||
        !get_number(reader, &header->max_size))
        return false;
    if (!header_is_sane(header, reader->fd))
        return bad(reader, "has a bad header");
    reader->live = pages(header->nobjects / 8 + 1);
    return reader->live ? true : bad(reader, "is too large");
}

struct reader *reader_open(const char *path, const char **why)
{
    struct reader *reader = pages(sizeof *reader);
    if (!reader) {
        *why = "no memory";
        return NULL;
    }
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0) {
        *why = "cannot be opened";
        return NULL;
    }
    reader->stream.zalloc = zlib_alloc;
    reader->stream.zfree = zlib_free;
    if (inflateInit2(&reader->stream, GZIP_WINDOW) != Z_OK)
        bad(reader, "no memory for zlib");
    if (!reader->error && get_header(reader))
        return reader;
    *why = reader->error;
    reader_close(reader);
    return NULL;
}

void reader_close(struct reader *reader)
{
    inflateEnd(&reader->stream);
    close(reader->fd);
    if (reader->live)
        munmap(reader->live, reader->header.nobjects / 8 + 1);
    munmap(reader, sizeof *reader);
}

/* The end: all that the header promised came, and nothing behind it. */
static bool finish(struct reader *reader)
{
    const struct trace_header *header = &reader->header;
    if (reader->next != reader->end || refill(reader) || reader->error)
        return bad(reader, "goes on behind its end");
    if (reader->ncalls != header->ncalls ||
        reader->nobjects != header->nobjects ||
        reader->nthreads != header->nthreads)
        return bad(reader, "has other counts than its header says");
    return false;
}

static bool take_thread(struct reader *reader, uint64_t number)
{
    if (number > reader->nthreads || number >= reader->header.nthreads)
        return bad(reader, "names a thread that cannot be");
    if (number == reader->nthreads)
        reader->nthreads++;
    reader->thread = (uint32_t)number;
    return true;
}

static bool end_object(struct reader *reader, struct trace_record *record,
                       uint64_t age)
{
    if (age == 0 || age > reader->nobjects)
        return bad(reader, "names an object that cannot be");
    record->object = reader->nobjects - age;
    unsigned char *byte = &reader->live[record->object / 8];
    unsigned char bit = (unsigned char)(1u << record->object % 8);
    if (!(*byte & bit))
        return bad(reader, "frees an object twice");
    *byte = (unsigned char)(*byte & ~bit);
    return true;
}

static bool make_object(struct reader *reader, struct trace_record *record)
{
    if (reader->nobjects == reader->header.nobjects)
        return bad(reader, "makes more objects than its header says");
    if (record->size > reader->header.max_size)
        return bad(reader, "has a larger size than its header says");
    record->made = reader->nobjects++;
    reader->live[record->made / 8] |= (unsigned char)(1u << record->made % 8);
    return true;
}

static bool take_call(struct reader *reader, struct trace_record *record,
                      uint64_t value)
{
    uint64_t align = 0;
    if (reader->ncalls++ == 0 && reader->nthreads == 0)
        reader->nthreads = 1;
    record->thread = reader->thread;
    record->size = value;
    if (trace_ends(record->op) && !end_object(reader, record, value))
        return false;
    if (record->op == TRACE_REALLOC && !get_number(reader, &record->size))
        return false;
    if (record->op == TRACE_ALIGNED) {
        if (!get_number(reader, &align))
            return false;
        if (align > TRACE_MAX_ALIGN_LOG2)
            return bad(reader, "has a bad alignment");
        record->align_log2 = (unsigned)align;
    }
    return !trace_makes(record->op) || make_object(reader, record);
}

bool reader_next(struct reader *reader, struct trace_record *record)
{
    uint64_t head = 0;
    if (reader->error || !get_number(reader, &head))
        return false;
    *record = (struct trace_record){.op = head & ((1u << TRACE_OP_BITS) - 1)};
    uint64_t value = head >> TRACE_OP_BITS;
    if (record->op == TRACE_END)
        return value == 0 ? finish(reader) : bad(reader, "has a bad record");
    if (record->op == TRACE_THREAD) {
        bool taken = take_thread(reader, value);
        record->thread = reader->thread;
        return taken;
    }
    if (record->op >= TRACE_OPS)
        return bad(reader, "has a bad record");
    return take_call(reader, record, value);
}
