/* SPDX-License-Identifier: MIT */
#ifndef USAGE_H
#define USAGE_H
/*
 * Sums over the metadata alone, by heap and size class: no object is read, so
 * they are quick, and as good as the allocator's own counts of what bins and
 * arenas hold.  ledger.h counts the objects themselves.
 */
#include "walk/model.h"

struct class_use {
    size_t slabs;
    size_t full; /* of these */
    size_t partial;
    size_t empty;
    size_t active;
    size_t objects; /* slots of all slabs */
    size_t carved;
    size_t inuse;    /* out of their slabs: live or cached */
    size_t binned;   /* of these: in bins */
    size_t spare;    /* on spare chains */
    size_t remote;   /* freed by others, on their slabs' chains */
    size_t batched;  /* freed by others, in batches of the freers */
    size_t one_live; /* slabs out of which one object only is not listed */
};

struct heap_use {
    struct class_use classes[NSLAB];
    size_t slab_bytes;    /* memory of slabs */
    size_t slab_live;     /* bytes of objects in the program's hands */
    size_t slab_cached;   /* bytes in bins, spares, batches, on their way */
    size_t chunks_cached; /* chunks in bins */
    size_t chunk_cached;  /* bytes, at least: by their bins' classes */
    size_t sending;       /* objects in batches for other heaps */
    size_t sending_bytes;
    size_t segments;
    size_t segment_bytes;
    size_t brk_bytes;   /* of these */
    size_t free_chunks; /* bytes, by the arena's own count */
    size_t top;         /* bytes */
    size_t listed;      /* bytes on the page list */
};

/* Live objects of a class: what is out less what is cached. */
static inline size_t class_live(const struct class_use *use)
{
    size_t away = use->binned + use->spare + use->remote + use->batched;

    return use->inuse > away ? use->inuse - away : 0;
}

static inline size_t class_cached(const struct class_use *use)
{
    return use->inuse - class_live(use);
}

struct usage {
    struct heap_use *heaps;    /* by id; [0]: their sum */
    size_t nheaps;             /* ids are below */
    size_t bytes[NBLOCKKINDS]; /* of memory, by kind of block */
    size_t blocks[NBLOCKKINDS];
    size_t clean;       /* bytes of free blocks that were given back */
    size_t cache_slots; /* of object caches */
    size_t cache_inuse;
    size_t cache_live; /* bytes */
};

/* Never NULL; free it. */
struct usage *usage_count(const struct model *model);
void usage_free(struct usage *usage);

/* Bytes in the program's hands, by counts. */
size_t usage_live(const struct usage *usage);

/* Bytes of top, as its header says; 0: none, or it makes no sense. */
size_t top_bytes(const struct model *model, const struct model_heap *heap);

#endif
