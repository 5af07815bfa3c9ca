/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_ARENA_H
#define LAYOUT_ARENA_H
/*
 * Arenas: one per heap.  Bins by chunk size: small bins hold one size each
 * (16 apart, below 1 KiB), large bins an eighth of a doubling; freed chunks
 * wait on the unsorted list for one pass of chances to be reused exactly.
 */
#include "layout/chunk.h"
#include "layout/page.h"

enum {
    NSMALLBINS = 64,  /* chunk sizes 0..1008, by size >> 4 */
    NLARGEBINS = 160, /* 1 KiB .. 1 GiB, eight per doubling */
    NBINS = NSMALLBINS + NLARGEBINS,
    BINMAP_WORDS = (NBINS + 63) / 64,
    NBRK_OLD = 8, /* foreign sbrk() calls put up with */
    /* Free chunks worth a system call; one fills a segment of one page. */
    PURGE_CHUNK = PAGE_BYTES - CHUNK_HEADER,
};

/* The bin for a chunk of `size` bytes. */
static inline unsigned bin_index(size_t size)
{
    if (size < 1024)
        return (unsigned)(size >> 4);
    unsigned b = 63u ^ (unsigned)__builtin_clzl(size);
    unsigned index =
        NSMALLBINS + (b - 10) * 8 + ((unsigned)(size >> (b - 3)) & 7);
    return index < NBINS ? index : NBINS - 1;
}

/* A contiguous stretch of chunks, closed by a header of size 0. */
struct segment {
    uintptr_t start; /* of the first chunk */
    uintptr_t end;   /* behind the closing header */
};

struct arena {
    struct chunk FAR *top;      /* last chunk of the newest segment, or NULL */
    struct chunk FAR *unsorted; /* circular, newest first; NULL if empty */
    uint64_t binmap[BINMAP_WORDS]; /* bit n: bins[n] is not empty */
    struct list_head segments;     /* page runs, by struct page.lru */
    struct segment brk;            /* main arena: the current stretch of brk */
    struct segment brk_old[NBRK_OLD]; /* ended by a foreign sbrk() */
    size_t nr_brk_old;
    size_t system_mem;            /* bytes of all segments */
    size_t free_bytes;            /* free chunks on bins, without top */
    size_t dirty;                 /* bytes of free chunks from PURGE_CHUNK up
                                   that were not given back, without top */
    _Atomic size_t idle_noted;    /* dirty and top, as last noted.  Atomic */
    size_t fat_above;             /* dirty and top that call for arena_tick() */
    struct reclaim_policy policy; /* in bytes, of dirty and top */
    uint32_t heap_id;             /* owner */
    uint32_t is_main;             /* grows by brk */
    struct chunk FAR *bins[NBINS]; /* circular lists; NULL if empty */
};

#endif
