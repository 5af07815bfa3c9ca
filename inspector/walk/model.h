/* SPDX-License-Identifier: MIT */
#ifndef MODEL_H
#define MODEL_H
/*
 * The heap's metadata, copied once while the target is held, and what all
 * verbs ask it: zones with their page descriptors, heaps with their bins,
 * mmapped chunks, object caches.  About 0.5 % of the heap that it describes.
 * Objects and chunks are not in it: iterators (slots.h, chunks.h) read them
 * as they go.
 *
 *   model_load(target) -> zones[], heaps[], mmaps[], caches[]
 *
 * Counts that do not add up, torn epochs and damage are noted, never fatal.
 */
#include "target/target.h"

struct model_zone {
    struct zone zone;   /* by value, as in the target */
    uintptr_t address;  /* of it in the target */
    struct page *pages; /* [0, npages): struct slab overlays some */
    uint32_t *tags;     /* [0, npages) */
    uint64_t *dirty;    /* a bit a page, or NULL */
    size_t npages;      /* descriptors copied: up to the frontier */
};

struct model_heap {
    struct heap heap; /* by value */
    uintptr_t address;
    bool torn; /* its epoch was odd, or moved while it was copied */
};

struct model_mmap {
    uintptr_t mem;   /* what the program holds; 0: kept for reuse */
    uintptr_t start; /* of the mapping */
    size_t size;     /* bytes */
};

struct model {
    struct target *target;
    struct model_zone *zones;
    size_t nzones;
    struct model_heap *heaps;
    size_t nheaps;
    struct model_mmap *mmaps; /* sorted by start */
    size_t nmmaps;
    uint64_t chunk_secret;
    uint64_t object_secret;

    /* How far it is to be trusted. */
    unsigned retries;    /* of torn heaps and zones, in all */
    unsigned torn_heaps; /* still torn after them */
    unsigned torn_zones;
    size_t faults; /* invariants broken while loading */
};

/* NULL with *failure: no root, another version, nothing readable. */
struct model *model_load(struct target *target, struct failure *failure);
void model_free(struct model *model);

/* The zone and page frame of an address; false: of no zone. */
bool model_page(const struct model *model, uintptr_t address,
                const struct model_zone **zone, size_t *pfn);
const struct model_heap *model_heap(const struct model *model, uint32_t id);
const struct model_mmap *model_mmap_at(const struct model *model,
                                       uintptr_t address);

/*
 * What a stretch of memory is, coarse: one block of pages, or a mapping.
 * Every byte of our regions is in exactly one of them.
 */
enum block_kind {
    BLOCK_FREE,     /* buddy */
    BLOCK_LISTED,   /* on a thread's page list */
    BLOCK_SLAB,     /* of a size class */
    BLOCK_CACHE,    /* of an object cache */
    BLOCK_SEGMENT,  /* chunks of an arena: pages, or a stretch of brk */
    BLOCK_RUN,      /* large allocation */
    BLOCK_RUN_FREE, /* the same, free, in a thread's bin */
    BLOCK_USER,     /* liballoc_pages_alloc() */
    BLOCK_MMAP,     /* mmapped chunk */
    BLOCK_MMAP_KEPT,
    BLOCK_META,    /* page map, tags, heaps, tables */
    BLOCK_UNKNOWN, /* damaged, or not readable */
};

struct block {
    enum block_kind kind;
    uintptr_t start;
    size_t size;             /* bytes */
    unsigned order;          /* of buddy blocks, listed pages and slabs */
    uint32_t heap_id;        /* owner; 0: none */
    uintptr_t page;          /* its descriptor in the target; 0: none */
    const struct slab *slab; /* in the model; SLAB and CACHE */
    const struct model_zone *zone;
};

/* In order of address within zones; then mappings, then metadata. */
struct block_walk {
    const struct model *model;
    size_t stage;
    size_t index;
    size_t at;
};
void block_walk_begin(struct block_walk *walk, const struct model *model);
bool block_walk_next(struct block_walk *walk, struct block *block);
bool block_at(const struct model *model, uintptr_t address,
              struct block *block);

/*
 * One object: a slot of a slab, a chunk, a run, a mmapped chunk.
 */
enum object_state {
    OBJECT_LIVE,    /* in the program's hands */
    OBJECT_BINNED,  /* free, in a thread's bin */
    OBJECT_SPARE,   /* free, on the bin's spare chain */
    OBJECT_REMOTE,  /* freed by another thread, on its way home */
    OBJECT_FREE,    /* free in its slab or on an arena's bin */
    OBJECT_TOP,     /* the arena's top chunk */
    OBJECT_VIRGIN,  /* never handed out: not carved yet */
    OBJECT_DAMAGED, /* its header or mark makes no sense */
};

struct object {
    enum object_state state;
    enum block_kind block;
    uintptr_t start;  /* of its memory, header included for chunks */
    size_t size;      /* bytes, header and rounding included */
    uintptr_t mem;    /* what malloc returned */
    size_t usable;    /* bytes from mem on */
    unsigned cls;     /* size class; NCLASS: none */
    uint32_t heap_id; /* owner */
    unsigned flags;   /* chunk flags, as in its header */
};

#endif
