/* SPDX-License-Identifier: MIT */
/* What is to be stored: gathered while the target stands, written after. */
#include "snapshot/internal.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { LOG_BLOCK = 1 << 20 };

struct log_block {
    struct log_block *next;
    size_t used;
    uint8_t bytes[LOG_BLOCK];
};

/* Before the bytes of each entry, in the same block. */
struct log_entry {
    uint64_t address;
    uint64_t size;
};

/* Room for an entry of `size` bytes, in the last block or a new one. */
static uint8_t *make_room(struct log *log, size_t size)
{
    if (log->last == NULL || LOG_BLOCK - log->last->used < size) {
        struct log_block *block = xcalloc(1, sizeof *block);
        if (log->last != NULL) {
            log->last->next = block;
        } else {
            log->first = block;
        }
        log->last = block;
    }
    uint8_t *room = log->last->bytes + log->last->used;
    log->last->used += size;
    return room;
}

void log_put(struct log *log, uintptr_t address, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    size_t most = LOG_BLOCK - sizeof(struct log_entry);

    while (size > 0) {
        const struct log_entry entry = {address, size < most ? size : most};
        uint8_t *room = make_room(log, sizeof entry + entry.size);
        memcpy(room, &entry, sizeof entry);
        memcpy(room + sizeof entry, from, entry.size);
        address += entry.size;
        from += entry.size;
        size -= entry.size;
    }
}

void log_write(const struct log *log, struct snapshot_file *file)
{
    struct log_entry entry;

    for (const struct log_block *block = log->first; block != NULL;
         block = block->next) {
        for (size_t at = 0; at < block->used; at += sizeof entry + entry.size) {
            memcpy(&entry, block->bytes + at, sizeof entry);
            file_put(file, entry.address, block->bytes + at + sizeof entry,
                     entry.size);
        }
    }
}

void log_free(struct log *log)
{
    while (log->first != NULL) {
        struct log_block *next = log->first->next;
        free(log->first);
        log->first = next;
    }
    log->last = NULL;
}
