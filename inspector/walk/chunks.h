/* SPDX-License-Identifier: MIT */
#ifndef CHUNKS_H
#define CHUNKS_H
/*
 * The chunks of one segment, by their boundary tags, from memory read in
 * windows.  Damage is reported, then skipped: the walk goes on at the next
 * place where a header with a right checksum leads to another.
 */
#include "walk/freelist.h"
#include "walk/model.h"

enum chunk_fault {
    CHUNK_FAULT_SUM,    /* header checksum */
    CHUNK_FAULT_SIZE,   /* leaves its segment, or is below CHUNK_MIN */
    CHUNK_FAULT_INUSE,  /* PREV_INUSE differs from the chunk before */
    CHUNK_FAULT_PREV,   /* prev_size differs from the chunk before */
    CHUNK_FAULT_MERGE,  /* two free chunks side by side */
    CHUNK_FAULT_UNREAD, /* not readable */
};

typedef void chunk_fault_fn(void *data, enum chunk_fault fault,
                            uintptr_t address);

enum {
    CHUNK_WINDOW = 256 * 1024,
};

struct chunk_walk {
    const struct model *model;
    const struct freelist *freelist; /* or NULL */
    chunk_fault_fn *fault;           /* or NULL */
    void *data;
    struct segment segment;
    uint32_t heap_id;
    uintptr_t top;
    uintptr_t at;
    bool prev_free;
    bool prev_unknown; /* the chunk before was skipped */
    size_t prev_size;
    size_t faults;  /* in this segment */
    size_t skipped; /* bytes of it that make no sense */

    uint8_t *window; /* CHUNK_WINDOW bytes */
    uintptr_t window_at;
    size_t window_size;
};

/* `block` is a BLOCK_SEGMENT.  End with chunk_walk_end(). */
void chunk_walk_begin(struct chunk_walk *walk, const struct model *model,
                      const struct freelist *freelist,
                      const struct block *block);

/* The next chunk; a damaged stretch is one OBJECT_DAMAGED.  False: the end. */
bool chunk_walk_next(struct chunk_walk *walk, struct object *object);

/* On with another segment; keeps the window's memory. */
void chunk_walk_again(struct chunk_walk *walk, const struct block *block);
void chunk_walk_end(struct chunk_walk *walk);

#endif
