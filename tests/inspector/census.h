/* SPDX-License-Identifier: MIT */
#ifndef CENSUS_H
#define CENSUS_H
/*
 * A walk over everything that the root leads to, with each structure's own
 * invariants checked on the way.
 */
#include "far.h"

struct census {
    /* Zones. */
    size_t zones;
    size_t free_pages; /* in buddy lists */
    size_t free_blocks[NORDERS];
    size_t runs; /* in use */
    size_t run_bytes;
    size_t runs_cached; /* in bins */
    size_t user_pages;  /* of liballoc_pages_alloc() */
    size_t cache_slots; /* out of slabs of object caches */
    uintptr_t cache;    /* slab_cache of one of these; 0 = none */

    /* Heaps. */
    size_t heaps;
    size_t heaps_idle;
    size_t torn; /* epoch was odd, or moved meanwhile */
    size_t slabs;
    size_t live[NSLAB];       /* objects in the program's hands */
    size_t binned[NSLAB];     /* in bins and spare chains */
    size_t travelling[NSLAB]; /* freed by others, not yet home */

    /* Arenas. */
    size_t segments;
    size_t chunks;        /* in use */
    size_t chunk_bytes;   /* usable */
    size_t chunks_cached; /* in bins, or going home */
    size_t chunks_free;
    size_t chunk_free_bytes;
    size_t top_bytes;

    size_t mmapped;
    size_t mmapped_bytes; /* usable */
    size_t mmaps_kept;

    size_t faults;         /* broken invariants ... */
    char first_fault[128]; /* ... and the first of them */
};

/* True when all could be read; faults say what was wrong with it. */
bool census_take(const struct target *target, struct census *census);

/* Parts, in order; census_take() calls them. */
void census_zones(const struct target *target, struct census *census);
void census_heaps(const struct target *target, struct census *census);
void census_arena(const struct target *target, const struct heap *heap,
                  uintptr_t arena, struct census *census);
void census_mmapped(const struct target *target, struct census *census);

void census_fault(struct census *census, const char *what, uintptr_t where);

/* Is the free mark in an object at `mem`? */
bool census_is_marked(const struct target *target, uintptr_t mem);

/* Zone by index, by value. */
bool census_zone(const struct target *target, unsigned index,
                 struct zone *zone);

/* Steps through a list_head list; see census_zones.c. */
struct list_walk {
    const struct target *target;
    uintptr_t head; /* of the struct list_head */
    uintptr_t at;   /* of the current link */
    uintptr_t prev;
    size_t steps;
    bool broken; /* a link was unreadable or did not match */
};
struct list_walk list_walk_start(const struct target *target, uintptr_t head);

/* The address of the next link; 0 = the end. */
uintptr_t list_walk_next(struct list_walk *walk);

#endif
