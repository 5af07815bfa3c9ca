/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_ARENA_CHUNK_H
#define LIBALLOC_ARENA_CHUNK_H
/*
 * Chunk headers, read and written.  The only file that touches size_flags:
 * the name is poisoned at the end.
 * Layer: arena.  Locks: the arena's owner's; headers of chunks in use may be
 * read by whoever owns the chunk.
 */
#include "base/compiler.h"
#include "layout/chunk.h"

#include <stdbool.h>

/* Secret of the header checksums, set once at start. */
extern HIDDEN uint64_t chunk_secret;

static inline struct chunk *chunk_at(uintptr_t address)
{
    return (struct chunk *)address;
}

static inline struct chunk *mem_to_chunk(const void *mem)
{
    return (struct chunk *)((uintptr_t)mem - CHUNK_HEADER);
}

static inline void *chunk_to_mem(const struct chunk *chunk)
{
    return (void *)((uintptr_t)chunk + CHUNK_HEADER);
}

static inline size_t chunk_size(const struct chunk *chunk)
{
    return chunk_word_size(chunk->size_flags);
}

static inline size_t chunk_flags(const struct chunk *chunk)
{
    return chunk_word_flags(chunk->size_flags);
}

static inline bool chunk_is_free(const struct chunk *chunk)
{
    return (chunk->size_flags & CHUNK_FREE) != 0;
}

static inline bool chunk_is_mmapped(const struct chunk *chunk)
{
    return (chunk->size_flags & IS_MMAPPED) != 0;
}

static inline bool chunk_prev_inuse(const struct chunk *chunk)
{
    return (chunk->size_flags & PREV_INUSE) != 0;
}

/* Size, all flags, and the checksum over them. */
static inline void chunk_set(struct chunk *chunk, size_t size, size_t flags)
{
    size_t word = size | flags;

    chunk->size_flags =
        word | chunk_word_sum((uintptr_t)chunk, word, chunk_secret);
}

/* The checksum does not cover PREV_INUSE. */
static inline void chunk_set_prev_inuse(struct chunk *chunk, bool inuse)
{
    if (inuse) {
        chunk->size_flags |= PREV_INUSE;
    } else {
        chunk->size_flags &= ~(size_t)PREV_INUSE;
    }
}

/* False: no header was ever written here, or it was overwritten. */
static inline bool chunk_is_valid(const struct chunk *chunk)
{
    size_t word = chunk->size_flags;
    size_t sum = chunk_word_sum((uintptr_t)chunk, word, chunk_secret);

    return ((word ^ sum) >> CHUNK_SUM_SHIFT) == 0;
}

/* Its memory is no chunk any more: a later look sees an invalid header. */
static inline void chunk_wipe(struct chunk *chunk)
{
    chunk->size_flags = 0;
}

static inline struct chunk *chunk_after(const struct chunk *chunk, size_t size)
{
    return chunk_at((uintptr_t)chunk + size);
}

static inline struct chunk *chunk_next(const struct chunk *chunk)
{
    return chunk_after(chunk, chunk_size(chunk));
}

/* Precondition: !chunk_prev_inuse(chunk). */
static inline struct chunk *chunk_prev(const struct chunk *chunk)
{
    return chunk_at((uintptr_t)chunk - chunk->prev_size);
}

#pragma GCC poison size_flags

#endif
