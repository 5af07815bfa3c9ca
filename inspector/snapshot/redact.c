/* SPDX-License-Identifier: MIT */
/*
 * Of the memory that the allocator manages, only what is its own:
 *
 *   chunk:  size_flags; prev_size, if the chunk before is free;
 *           free: fd, bk and, where it means something, clean
 *   marked objects, chunks, runs:  next, key
 *   mmapped chunks:  their header
 *
 * All else stays zero: what the program wrote, and what it left behind in
 * freed memory.
 */
#include "snapshot/internal.h"

#include "walk/objects.h"

#include <string.h>

enum {
    COPY_STEP = 256 * 1024,
    CONTENT_PAGES = 64, /* looked at together */
};

struct redact {
    const struct model *model;
    struct log *log;            /* metadata goes here, ... */
    struct snapshot_file *file; /* ... contents here */
    struct snapshot_result *result;
};

static void put(struct redact *redact, uintptr_t address, const void *bytes,
                size_t size)
{
    if (redact->log != NULL) {
        log_put(redact->log, address, bytes, size);
    } else {
        file_put(redact->file, address, bytes, size);
    }
}

/* What is larger than a page lies in memory that began as zeros. */
static const void *view(const struct redact *redact, uintptr_t address,
                        size_t size)
{
    struct target *target = redact->model->target;

    return size > target_page_size(target)
               ? far_view_heap(target, address, size)
               : far_view(target, address, size);
}

static void copy(struct redact *redact, uintptr_t address, size_t size)
{
    while (size > 0) {
        size_t step = size < COPY_STEP ? size : COPY_STEP;
        const void *bytes = view(redact, address, step);
        if (bytes != NULL) {
            put(redact, address, bytes, step);
        } else {
            redact->result->unreadable++;
        }
        address += step;
        size -= step;
    }
}

static void copy_metadata(void *data, uintptr_t start, size_t size)
{
    copy(data, start, size);
}

/* {next, key} of a freed object; the program's bytes have no right key. */
static void put_mark(struct redact *redact, uintptr_t mem)
{
    const struct model *model = redact->model;
    struct free_object object;
    const void *bytes = far_view(model->target, mem, sizeof object);

    if (bytes == NULL)
        return;
    memcpy(&object, bytes, sizeof object);
    if (object.key == (model->object_secret ^ mem))
        put(redact, mem, &object, sizeof object);
}

static void put_chunk(struct redact *redact, const struct object *object)
{
    size_t header[2];
    const void *bytes =
        far_view(redact->model->target, object->start, sizeof header);

    if (bytes == NULL) {
        redact->result->unreadable++;
        return;
    }
    memcpy(header, bytes, sizeof header);
    /* Else the word belongs to the program's chunk before. */
    if ((header[1] & PREV_INUSE) != 0)
        header[0] = 0;
    put(redact, object->start, header, sizeof header);
    if ((object->flags & CHUNK_FREE) != 0) {
        size_t size = object->size >= PURGE_CHUNK ? 3 * sizeof(uintptr_t)
                                                  : 2 * sizeof(uintptr_t);
        copy(redact, object->mem, size);
    } else if (object->state != OBJECT_LIVE && object->state != OBJECT_TOP) {
        put_mark(redact, object->mem);
    }
}

static void put_object(struct redact *redact, const struct object *object)
{
    switch (object->block) {
    case BLOCK_SLAB:
    case BLOCK_CACHE:
        if (object->state != OBJECT_VIRGIN && object->state != OBJECT_LIVE)
            put_mark(redact, object->start);
        break;
    case BLOCK_SEGMENT:
        /* Of a damaged stretch the first header may be looked at again. */
        put_chunk(redact, object);
        break;
    case BLOCK_RUN:
        put_mark(redact, object->mem);
        break;
    case BLOCK_MMAP:
        copy(redact, object->mem - CHUNK_HEADER, CHUNK_HEADER);
        break;
    case BLOCK_FREE:
    case BLOCK_LISTED:
    case BLOCK_USER:
    case BLOCK_MMAP_KEPT:
    case BLOCK_GUARDED:
    case BLOCK_META:
    case BLOCK_UNKNOWN:
    case NBLOCKKINDS:
        break;
    }
}

/* The headers of size 0 that close the segments. */
static void put_ends(struct redact *redact)
{
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, redact->model);
    while (block_walk_next(&walk, &block)) {
        uintptr_t last = block.start + block.size - CHUNK_HEADER;
        const struct object end = {
            .state = OBJECT_LIVE, .block = BLOCK_SEGMENT, .start = last};
        if (block.kind == BLOCK_SEGMENT)
            put_chunk(redact, &end);
    }
}

void redact_put(const struct model *model, struct log *log,
                struct snapshot_result *result)
{
    struct redact redact = {model, log, NULL, result};
    struct object_walk walk;
    struct object object;

    metadata_each(model, copy_metadata, &redact);
    object_walk_begin(&walk, model, NULL);
    while (object_walk_next(&walk, &object))
        put_object(&redact, &object);
    object_walk_end(&walk);
    put_ends(&redact);
}

/*
 * Pages that the kernel holds nothing for are zeros, and not read at all; but
 * a file's page may be there and not in the process's table.
 */
static void copy_pages(struct redact *redact, const struct stretch *stretch,
                       uintptr_t at, size_t count)
{
    uint8_t bits[CONTENT_PAGES];
    size_t page = redact->file->page;
    bool known = (stretch->flags & PF_W) != 0 &&
                 target_residency(redact->model->target, at, count, bits);

    for (size_t i = 0; i < count; i++) {
        bool empty = known && (bits[i] & KNOWN) != 0 &&
                     (bits[i] & (RESIDENT | SWAPPED)) == 0;
        if (!empty)
            copy(redact, at + i * page, page);
    }
}

void content_put(const struct model *model, struct snapshot_file *file,
                 struct snapshot_result *result)
{
    struct redact redact = {model, NULL, file, result};
    size_t step = CONTENT_PAGES * file->page;

    for (size_t i = 0; i < file->plan->count; i++) {
        const struct stretch *stretch = &file->plan->all[i];
        for (uintptr_t at = stretch->start;
             stretch->stored && at < stretch->end; at += step) {
            size_t left = stretch->end - at;
            copy_pages(&redact, stretch, at,
                       (left < step ? left : step) / file->page);
        }
    }
}
