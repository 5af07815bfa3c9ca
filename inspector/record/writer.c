/* SPDX-License-Identifier: MIT */
#include "record/writer.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

enum {
    COMPRESSION = 1,
    INFO_MAX = 1 << 20,
};

struct record_writer {
    int fd;
    int why; /* errno of the write that failed; 0: none */
    uint64_t dropped;
    uint64_t whole; /* bytes of the file, up to its last whole block */
    ZSTD_CCtx *context;
    uint8_t *raw; /* RECORD_BLOCK_RAW_MAX */
    uint8_t *stored;
    size_t room; /* of stored[] */
};

struct record_writer *writer_open(const char *path, bool force,
                                  struct failure *failure)
{
    struct stat stat_of;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL);
    int fd = open(path, flags, 0600);

    if (fd < 0 && errno == EEXIST) {
        (void)fail(failure, STATUS_USAGE, "%.200s exists (-f overwrites it)",
                   path);
        return NULL;
    }
    if (fd < 0 || fstat(fd, &stat_of) != 0 || !S_ISREG(stat_of.st_mode)) {
        (void)fail(failure, STATUS_USAGE, "%.200s: %s", path,
                   fd < 0 ? strerror(errno) : "it is no regular file");
        if (fd >= 0)
            (void)close(fd);
        return NULL;
    }
    struct record_writer *writer = xcalloc(1, sizeof *writer);
    writer->fd = fd;
    writer->room = ZSTD_compressBound(RECORD_BLOCK_RAW_MAX);
    writer->raw = xcalloc(RECORD_BLOCK_RAW_MAX, 1);
    writer->stored = xcalloc(writer->room, 1);
    writer->context = ZSTD_createCCtx();
    if (writer->context != NULL) {
        (void)ZSTD_CCtx_setParameter(writer->context, ZSTD_c_compressionLevel,
                                     COMPRESSION);
        (void)ZSTD_CCtx_setParameter(writer->context, ZSTD_c_checksumFlag, 1);
    }
    return writer;
}

/* False: not all could be written; the file ends where it was whole. */
static bool put(struct record_writer *writer, struct iovec *parts, int count)
{
    size_t size = 0;
    ssize_t written;

    if (writer->why != 0)
        return false;
    for (int i = 0; i < count; i++)
        size += parts[i].iov_len;
    do
        written = writev(writer->fd, parts, count);
    while (written < 0 && errno == EINTR);
    if (written == (ssize_t)size) {
        writer->whole += size;
        return true;
    }
    writer->why = written < 0 ? errno : ENOSPC;
    (void)!ftruncate(writer->fd, (off_t)writer->whole);
    return false;
}

/* The block's content is in raw[], its size in raw_size. */
static bool put_block(struct record_writer *writer, struct record_block *block,
                      const uint8_t *raw)
{
    size_t size = ZSTD_compress2(writer->context, writer->stored, writer->room,
                                 raw, block->raw_size);

    if (ZSTD_isError(size)) {
        writer->why = writer->why != 0 ? writer->why : ENOMEM;
        return false;
    }
    block->magic = RECORD_BLOCK_MAGIC;
    block->stored_size = (uint32_t)size;
    struct iovec parts[] = {{block, sizeof *block}, {writer->stored, size}};
    return put(writer, parts, 2);
}

void writer_begin(struct record_writer *writer, pid_t pid, int argc,
                  char **argv)
{
    struct record_file_header header = {.magic = RECORD_FILE_MAGIC,
                                        .version = RECORD_VERSION,
                                        .pid = (uint32_t)pid,
                                        .time = (uint64_t)time(NULL)};
    struct record_block block = {.kind = BLOCK_INFO};
    struct iovec part = {&header, sizeof header};

    writer->whole = 0;
    if (ftruncate(writer->fd, 0) != 0 || lseek(writer->fd, 0, SEEK_SET) != 0)
        writer->why = errno;
    (void)put(writer, &part, 1);
    for (int i = 0; i < argc; i++) {
        size_t size = strlen(argv[i]) + 1;
        if (block.raw_size + size > INFO_MAX)
            break;
        memcpy(writer->raw + block.raw_size, argv[i], size);
        block.raw_size += (uint32_t)size;
        block.count++;
    }
    (void)put_block(writer, &block, writer->raw);
}

static uint64_t address_of(const struct record_event *event)
{
    return record_event_address(event->address);
}

/* Stamps, operations, addresses, sizes, stacks, times. */
static uint8_t *encode(const struct record_event *events, uint32_t count,
                       uint8_t *at)
{
    const struct record_event *end = events + count;
    uint64_t before = events->stamp;

    for (const struct record_event *e = events; e < end; before = e++->stamp)
        at = record_put(at, e->stamp - before);
    for (const struct record_event *e = events; e < end; e++) {
        *at++ = (uint8_t)(e->address >> RECORD_OP_SHIFT |
                          (e->address >> RECORD_ADDRESS_BITS & 0x1f) << 3);
    }
    before = 0;
    for (const struct record_event *e = events; e < end; e++) {
        at = record_put_difference(at, address_of(e), before);
        before = address_of(e);
    }
    for (const struct record_event *e = events; e < end; e++) {
        unsigned op = record_event_op(e->address);
        if (op != RECORD_FREE && op != RECORD_REALLOC)
            at = record_put(at, e->size);
    }
    before = 0;
    for (const struct record_event *e = events; e < end; before = e++->stack)
        at = record_put_difference(at, e->stack, before);
    before = events->ms;
    for (const struct record_event *e = events; e < end; before = e++->ms)
        at = record_put_difference(at, e->ms, before);
    return at;
}

void writer_events(struct record_writer *writer, uint32_t thread,
                   const struct record_event *events, uint32_t count)
{
    struct record_block block = {.kind = BLOCK_EVENTS,
                                 .thread = thread,
                                 .count = count,
                                 .first = events[0].stamp,
                                 .last = events[count - 1].stamp,
                                 .first_ms = events[0].ms,
                                 .last_ms = events[count - 1].ms};

    block.raw_size =
        (uint32_t)(encode(events, count, writer->raw) - writer->raw);
    if (!put_block(writer, &block, writer->raw))
        writer->dropped += count;
}

static void put_nodes(struct record_writer *writer,
                      const struct record_node *nodes, uint32_t first,
                      uint32_t count)
{
    struct record_block block = {
        .kind = BLOCK_NODES, .count = count, .first = first};
    uint8_t *at = writer->raw;
    uint64_t before = 0;

    for (uint32_t i = 0; i < count; i++) {
        /* Drawn, but the program was killed: of an unknown place. */
        uint64_t pc = nodes[i].pc != 0 ? nodes[i].pc : 1;
        at = record_put_difference(at, pc, before);
        before = pc;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t parent = nodes[i].pc != 0 ? nodes[i].parent : 0;
        at = record_put(at, first + i - parent);
    }
    block.raw_size = (uint32_t)(at - writer->raw);
    (void)put_block(writer, &block, writer->raw);
}

void writer_nodes(struct record_writer *writer, const struct record_node *nodes,
                  uint32_t first, uint32_t count)
{
    while (count > 0) {
        uint32_t now = count < RECORD_BLOCK_NODES ? count : RECORD_BLOCK_NODES;
        put_nodes(writer, nodes, first, now);
        nodes += now;
        first += now;
        count -= now;
    }
}

void writer_modules(struct record_writer *writer,
                    const struct record_module *modules, uint32_t count)
{
    struct record_block block = {.kind = BLOCK_MODULES, .count = count};

    block.raw_size = (uint32_t)(count * sizeof *modules);
    if (count > 0)
        (void)put_block(writer, &block, (const uint8_t *)modules);
}

uint64_t writer_dropped(const struct record_writer *writer, int *why)
{
    *why = writer->why;
    return writer->dropped;
}

void writer_close(struct record_writer *writer, const struct record_end *end)
{
    struct record_block block = {.kind = BLOCK_END, .raw_size = sizeof *end};

    (void)put_block(writer, &block, (const uint8_t *)end);
    if (close(writer->fd) != 0 && writer->why == 0)
        writer->why = errno;
    ZSTD_freeCCtx(writer->context);
    free(writer->raw);
    free(writer->stored);
    free(writer);
}
