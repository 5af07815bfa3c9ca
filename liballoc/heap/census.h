/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_CENSUS_H
#define LIBALLOC_HEAP_CENSUS_H
/*
 * Figures by walking the structures: pages by state, slabs, arenas, bins.
 * Nothing here is counted on the fast path, so nothing drifts.
 * Layer: heap.  Takes the registry's and each heap's lock in turn; the bins of
 * running threads are read as they are (stale ok: a statistic).
 */
#include "layout/heap.h"

#include <stddef.h>

/* One heap. */
struct heap_census {
    size_t slab_bytes;  /* pages of its slabs */
    size_t slab_out;    /* objects out of slabs, in bytes: live or in bins */
    size_t slab_free;   /* free objects in slabs, in bytes, carved or not */
    size_t slabs;       /* count */
    size_t system;      /* bytes of its arena's segments */
    size_t brk;         /* of these, got by brk */
    size_t chunk_free;  /* free chunks on bins, bytes */
    size_t chunks_free; /* count of these */
    size_t top;         /* bytes */
    size_t bin_slab;    /* slab objects in bins and spares, bytes */
    size_t bin_chunk;   /* chunks in bins and spares, bytes */
    size_t fastbins;    /* count of objects in bins and spares */
    size_t quarantine;  /* freed blocks of any heap in this quarantine, bytes */
};

/* The page layer. */
struct page_census {
    size_t live;        /* pages out of the buddy lists, bytes */
    size_t run;         /* of runs, bytes: in use or in bins */
    size_t user;        /* of liballoc_pages_alloc(), bytes */
    size_t cache;       /* of object caches' slabs, bytes */
    size_t cache_slabs; /* count */
    size_t listed;      /* on page lists, bytes */
    size_t dirty;       /* free, may be resident, bytes */
    size_t clean;       /* free, given back, bytes */
    size_t committed;   /* bytes */
    size_t metadata;    /* page maps and heaps, touched part, bytes */
};

/* `heap` is locked by the caller. */
void census_heap(struct heap *heap, struct heap_census *census);

void census_pages(struct page_census *census);

#endif
