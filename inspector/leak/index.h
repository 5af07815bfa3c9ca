/* SPDX-License-Identifier: MIT */
#ifndef LEAK_INDEX_H
#define LEAK_INDEX_H
/*
 * From any address to the live block that holds it, and marks on blocks.
 *
 *   heap memory  | block 1      | free        | block 2  |
 *   LIVE          1 0 0 0 0 0 0   0 0 0 0 0 0   1 0 0 0     starts of blocks
 *   BOUND         1 0 0 0 0 0 0   1 0 0 0 0 0   1 0 0 0 1   starts and ends
 *   MARKED, ...   as LIVE
 *
 * A bit for each 16 bytes of a zone: five bitmaps are 4 % of the memory that
 * blocks lie in, and nothing where there are none.  Mmapped blocks are few
 * and lie in a sorted array.  Free objects, cached ones too, are not in it.
 */
#include "walk/objects.h"

enum leak_bit {
    BIT_BOUND,
    BIT_LIVE,
    BIT_MARKED,  /* reached */
    BIT_SCANNED, /* what it points to is marked, too */
    BIT_HEAD,    /* leaks.c: may hold others that are unreachable */
    NBITS,
};

enum {
    GRANULE = 16,
    WINDOW_BYTES = 64 * 1024, /* scanned at a time */
    WINDOW_GRANULES = WINDOW_BYTES / GRANULE,
    WORD_BITS = 64,
};

/* The addresses of a zone, brk included. */
struct leak_area {
    uintptr_t base;
    size_t size; /* bytes, whole windows */
    uint64_t *bits[NBITS];
    uint32_t *before; /* a window: granules back to the last bound before it;
                         0: none */
    uint64_t *rank;   /* a window: blocks in those before it */
    uint8_t *grey;    /* a window: some block is marked and not scanned */
    size_t nwindows;
};

struct leak_map {
    uintptr_t mem;
    size_t size;
    uint8_t bits[NBITS];
};

struct leak_index {
    const struct model *model;
    struct leak_area *areas;
    size_t nareas;
    struct leak_map *maps; /* sorted by mem */
    size_t nmaps;
    uintptr_t lowest; /* of all blocks */
    size_t span;      /* from there to the end of the last */
    size_t blocks;
    size_t bytes;   /* usable */
    size_t unread;  /* blocks and chunks that made no sense ... */
    size_t skipped; /* ... and their bytes */
};

/* A block; area NULL: maps[at]. */
struct leak_ref {
    struct leak_area *area;
    size_t at; /* granule, or index */
    uintptr_t start;
};

/*
 * All live blocks of the heap.  The target should stand.  Memory that makes no
 * sense is handed to `damaged` (or NULL): it may hold pointers.
 */
typedef void leak_damaged(void *data, uintptr_t start, size_t size);
struct leak_index *index_build(const struct model *model,
                               const struct freelist *freelist,
                               leak_damaged *damaged, void *data);
void index_free(struct leak_index *index);

/* Clears one kind of mark everywhere. */
void index_clear(struct leak_index *index, enum leak_bit bit);

/* Removes what is MARKED from the index. */
void index_drop_marked(struct leak_index *index);

/* The block that holds the address, or (`interior` false) starts there. */
bool index_find_slow(const struct leak_index *index, uintptr_t address,
                     bool interior, struct leak_ref *ref);

/* Bytes from the start to the next bound. */
size_t index_size(const struct leak_index *index, const struct leak_ref *ref);

/* Its number among all, by address; areas first. */
size_t index_rank(const struct leak_index *index, const struct leak_ref *ref);

/*
 * The blocks with `bit`, by address: areas first, then maps.  index_prev() is
 * the same backwards.  Begin with a cursor of zeros.
 */
struct leak_cursor {
    size_t done; /* areas */
    size_t at;   /* granules or maps that were passed */
};
bool index_next(const struct leak_index *index, enum leak_bit bit,
                struct leak_cursor *cursor, struct leak_ref *ref);
bool index_prev(const struct leak_index *index, enum leak_bit bit,
                struct leak_cursor *cursor, struct leak_ref *ref);

static inline bool area_test(const struct leak_area *area, enum leak_bit bit,
                             size_t at)
{
    return (area->bits[bit][at / WORD_BITS] >> at % WORD_BITS & 1) != 0;
}

static inline bool ref_test(const struct leak_index *index,
                            const struct leak_ref *ref, enum leak_bit bit)
{
    return ref->area != NULL ? area_test(ref->area, bit, ref->at)
                             : index->maps[ref->at].bits[bit] != 0;
}

static inline void ref_set(struct leak_index *index, const struct leak_ref *ref,
                           enum leak_bit bit)
{
    if (ref->area != NULL) {
        ref->area->bits[bit][ref->at / WORD_BITS] |= (uint64_t)1
                                                     << ref->at % WORD_BITS;
    } else {
        index->maps[ref->at].bits[bit] = 1;
    }
}

static inline void ref_clear(struct leak_index *index,
                             const struct leak_ref *ref, enum leak_bit bit)
{
    if (ref->area != NULL) {
        ref->area->bits[bit][ref->at / WORD_BITS] &=
            ~((uint64_t)1 << ref->at % WORD_BITS);
    } else {
        index->maps[ref->at].bits[bit] = 0;
    }
}

/* Most words point to no block, and of the others most to a start. */
static inline bool index_find(const struct leak_index *index, uintptr_t address,
                              bool interior, struct leak_ref *ref)
{
    if (address - index->lowest >= index->span)
        return false;
    if (index->nareas > 0 &&
        address - index->areas[0].base < index->areas[0].size) {
        struct leak_area *area = &index->areas[0];
        size_t at = (address - area->base) / GRANULE;
        if (address % GRANULE == 0 && area_test(area, BIT_LIVE, at)) {
            *ref = (struct leak_ref){area, at, address};
            return true;
        }
        if (!interior)
            return false;
    }
    return index_find_slow(index, address, interior, ref);
}

#endif
