/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_CHUNK_H
#define LAYOUT_CHUNK_H
/*
 * Chunks: ptmalloc's, with a checksum in the unused upper bits.
 *
 *   chunk -> +---------------------------------------------------+
 *            | prev_size: of the chunk before, if that is free   |
 *            +----------------+----------------------------+-----+
 *            | checksum (16)  | size (44), multiple of 16  |FAMP |
 *     mem -> +----------------+----------------------------+-----+
 *            | user data ...            (free: fd, bk, clean)    |
 *   next ->  +- - - - - - - - - - - - - - - - - - - - - - - - - -+
 *            | user data may use this word; free: size again     |
 *            +---------------------------------------------------+
 *
 * P PREV_INUSE, M IS_MMAPPED, A NON_MAIN_ARENA as in ptmalloc; F CHUNK_FREE:
 * this chunk itself is on a bin.  The checksum covers address, size and all
 * flags but P, which belongs to the neighbour's state.
 */
#include "layout/layout.h"

enum {
    PREV_INUSE = 1,
    IS_MMAPPED = 2,
    NON_MAIN_ARENA = 4,
    CHUNK_FREE = 8,
    CHUNK_FLAGS = 15,
    CHUNK_HEADER = 16,
    CHUNK_OVERHEAD = 8, /* what a chunk in use costs: prev_size is shared */
    CHUNK_MIN = 32,
    CHUNK_SUM_SHIFT = 48,
};
#define CHUNK_SIZE_MASK ((((size_t)1 << CHUNK_SUM_SHIFT) - 1) & ~(size_t)15)

struct chunk {
    size_t prev_size;     /* size of the chunk before, if !PREV_INUSE; in an
                             mmapped chunk: distance to the mapping's start */
    size_t size_flags;    /* see above */
    struct chunk FAR *fd; /* next in the bin (free chunks only) */
    struct chunk FAR *bk; /* previous in the bin */
    size_t clean;         /* large free chunks: bytes given back already */
};

/* One live mmapped chunk; they are in no zone, so a hash table finds them. */
struct mmap_record {
    struct mmap_record FAR *next; /* in its bucket, or free */
    uintptr_t mem;                /* what the program holds */
    uintptr_t start;              /* of the mapping */
    size_t size;                  /* of the mapping */
};

/* A mapping kept for reuse. */
struct mmap_kept {
    uintptr_t start;
    size_t size;
};

enum {
    MMAP_BUCKETS = 1024,
    MMAP_KEPT = 16,
};

struct mmap_table {
    struct mmap_record FAR *buckets[MMAP_BUCKETS];
    struct mmap_kept kept[MMAP_KEPT]; /* oldest first */
    size_t nr_kept;
    _Atomic size_t nr_live;    /* live mmapped chunks.  Atomic */
    size_t live_bytes;         /* of their mappings */
    _Atomic size_t kept_bytes; /* Atomic */
};

/* The bucket of a chunk whose memory is at `mem`. */
static inline unsigned mmap_bucket(uintptr_t mem)
{
    return (unsigned)((mem >> 12) * 0x9e3779b97f4a7c15u >> 54) &
           (MMAP_BUCKETS - 1);
}

static inline size_t chunk_word_size(size_t word)
{
    return word & CHUNK_SIZE_MASK;
}

static inline size_t chunk_word_flags(size_t word)
{
    return word & CHUNK_FLAGS;
}

/* The checksum of a header at `address`, in place (upper 16 bits). */
static inline size_t chunk_word_sum(uintptr_t address, size_t word,
                                    uint64_t secret)
{
    size_t covered = word & (CHUNK_SIZE_MASK | 14);
    return ((address ^ covered ^ secret) * (secret | 1)) >>
           CHUNK_SUM_SHIFT << CHUNK_SUM_SHIFT;
}

/* Chunk size for a request of `size` bytes. */
static inline size_t chunk_size_for(size_t size)
{
    size_t bytes = (size + CHUNK_OVERHEAD + 15) & ~(size_t)15;
    return bytes < CHUNK_MIN ? CHUNK_MIN : bytes;
}

/* What the program may use of a chunk (mmapped ones: see arena/mmap_chunk). */
static inline size_t chunk_usable(size_t chunk_size)
{
    return chunk_size - CHUNK_OVERHEAD;
}

#endif
