/* SPDX-License-Identifier: MIT */
#include "record/reader.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

uint8_t *record_content(const struct record *record, uint64_t offset,
                        const struct record_block *block)
{
    uint8_t *stored = xcalloc((size_t)block->stored_size + 1, 1);
    uint8_t *raw = xcalloc((size_t)block->raw_size + 1, 1);
    bool read = pread(record->fd, stored, block->stored_size, (off_t)offset) ==
                (ssize_t)block->stored_size;
    size_t size =
        read ? ZSTD_decompress(raw, block->raw_size, stored, block->stored_size)
             : 0;

    free(stored);
    if (!ZSTD_isError(size) && size == block->raw_size)
        return raw;
    free(raw);
    return NULL;
}

/* Nodes come in their order: a block that does not go on is damaged. */
static bool take_nodes(struct record *record, const struct record_block *block,
                       const uint8_t *raw)
{
    struct record_cursor cursor = {raw, raw + block->raw_size, false};
    uint64_t pc = 0;

    if (block->first != record->nframes || block->count > RECORD_BLOCK_NODES ||
        record->nframes + block->count > RECORD_NODES)
        return false;
    record->frames =
        xrealloc(record->frames, (size_t)record->nframes + block->count,
                 sizeof *record->frames);
    struct record_frame *frames = record->frames + record->nframes;
    for (uint32_t i = 0; i < block->count; i++)
        frames[i].pc = pc = record_get_difference(&cursor, pc);
    for (uint32_t i = 0; i < block->count; i++) {
        uint64_t number = record->nframes + i;
        uint64_t back = record_get(&cursor);
        if (back == 0 || back > number)
            return false;
        frames[i].parent = (uint32_t)(number - back);
    }
    if (cursor.bad)
        return false;
    record->nframes += block->count;
    return true;
}

static bool take_modules(struct record *record,
                         const struct record_block *block, const uint8_t *raw)
{
    size_t size = sizeof *record->modules;

    if (block->count > RECORD_MODULES || block->raw_size != block->count * size)
        return false;
    record->modules =
        xrealloc(record->modules, record->nmodules + block->count, size);
    memcpy(record->modules + record->nmodules, raw, block->raw_size);
    for (size_t i = 0; i < block->count; i++) {
        struct record_module *module = &record->modules[record->nmodules++];
        module->path[sizeof module->path - 1] = '\0';
        if (module->id_size > sizeof module->id)
            module->id_size = 0;
    }
    return true;
}

static void take_words(struct record *record, const struct record_block *block,
                       const uint8_t *raw)
{
    free(record->words);
    record->words = xcalloc((size_t)block->raw_size + 1, 1);
    for (uint32_t i = 0; i + 1 < block->raw_size; i++)
        record->words[i] = (char)(raw[i] >= ' ' ? raw[i] : ' ');
}

static bool take_small(struct record *record, const struct record_block *block)
{
    uint8_t *raw = record_content(record, record->used + sizeof *block, block);
    bool good = raw != NULL;

    if (good && block->kind == BLOCK_NODES)
        good = take_nodes(record, block, raw);
    else if (good && block->kind == BLOCK_MODULES)
        good = take_modules(record, block, raw);
    else if (good && block->kind == BLOCK_INFO)
        take_words(record, block, raw);
    else if (good && block->kind == BLOCK_END &&
             block->raw_size == sizeof record->end) {
        memcpy(&record->end, raw, sizeof record->end);
        record->has_end = true;
    }
    free(raw);
    return good;
}

static bool take_block(struct record *record, const struct record_block *block)
{
    if (block->kind != BLOCK_EVENTS)
        return take_small(record, block);
    if (block->count == 0 || block->count > RECORD_CHUNK_EVENTS)
        return false;
    record->places =
        xgrow(record->places, record->nplaces, sizeof *record->places);
    record->places[record->nplaces++] = (struct record_place){
        .offset = record->used + sizeof *block, .block = *block};
    return true;
}

static int by_thread(const void *left, const void *right)
{
    const struct record_block *a = &((const struct record_place *)left)->block;
    const struct record_block *b = &((const struct record_place *)right)->block;

    if (a->thread != b->thread)
        return a->thread < b->thread ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

/* Up to the first block that is not whole. */
static void scan(struct record *record)
{
    struct record_block block;

    record->used = sizeof record->header;
    while (!record->has_end &&
           pread(record->fd, &block, sizeof block, (off_t)record->used) ==
               (ssize_t)sizeof block &&
           block.magic == RECORD_BLOCK_MAGIC &&
           block.raw_size <= RECORD_BLOCK_RAW_MAX &&
           block.stored_size <= record->size - record->used - sizeof block &&
           take_block(record, &block))
        record->used += sizeof block + block.stored_size;
    if (record->nplaces > 1) {
        qsort(record->places, record->nplaces, sizeof *record->places,
              by_thread);
    }
}

struct record *record_open(const char *path, struct failure *failure)
{
    struct record *record = xcalloc(1, sizeof *record);
    struct stat stat_of;

    record->frames = xcalloc(1, sizeof *record->frames);
    record->nframes = 1;
    record->words = xstrdup("");
    record->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (record->fd < 0 || fstat(record->fd, &stat_of) != 0) {
        (void)fail(failure, STATUS_GONE, "%.200s: %s", path, strerror(errno));
    } else if (!S_ISREG(stat_of.st_mode) ||
               pread(record->fd, &record->header, sizeof record->header, 0) !=
                   (ssize_t)sizeof record->header ||
               record->header.magic != RECORD_FILE_MAGIC) {
        (void)fail(failure, STATUS_GONE, "%.200s is no record", path);
    } else if (record->header.version != RECORD_VERSION) {
        (void)fail(failure, STATUS_UNSUPPORTED, "%.200s: version %u, not %d",
                   path, record->header.version, RECORD_VERSION);
    } else {
        record->size = (uint64_t)stat_of.st_size;
        scan(record);
        return record;
    }
    record_close(record);
    return NULL;
}

void record_close(struct record *record)
{
    if (record->fd >= 0)
        (void)close(record->fd);
    free(record->words);
    free(record->frames);
    free(record->modules);
    free(record->places);
    free(record);
}
