/* SPDX-License-Identifier: MIT */
#ifndef MODEL_H
#define MODEL_H
/*
 * The heap's metadata, copied once while the target is held, and what all
 * verbs ask it: zones with their page descriptors, heaps with their bins,
 * mmapped chunks, guarded samples, object caches.  About 0.5 % of the heap that
 * it describes.
 * Objects and chunks are not in it: iterators (slots.h, chunks.h, objects.h)
 * read them as they go.
 *
 *   model_load(target) -> zones[], heaps[], mmaps[], caches[]
 *
 * Counts that do not add up, torn epochs and damage are noted, never fatal.
 */
#include "target/target.h"

enum {
    MODEL_CACHE_NAME = 32,
    MODEL_ROUNDS = 3, /* copies of all metadata, until one is not torn */
    MODEL_WORDS = 64, /* bits of a word of a bitmap */
};

struct model_zone {
    struct zone zone;   /* by value, as in the target */
    uintptr_t address;  /* of it in the target */
    struct page *pages; /* [first, npages): struct slab overlays some */
    uint32_t *tags;     /* [0, npages): 0 between brk_end and first */
    uint64_t *dirty;    /* a bit a page from first & ~63 on, or NULL */
    uint64_t *small;    /* the same: pageblocks for small requests, or NULL */
    uint64_t *heads;    /* a bit a page from first & ~63 on: starts a block */
    size_t first;       /* pfn of the first descriptor */
    size_t npages;      /* pfn behind the last: the frontier */
    size_t room;        /* pfn behind the last that there is room for */
    size_t brk_end;     /* pfn behind the last page of the main arena's brk */
    bool torn;          /* it changed while it was copied */
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

/* An object cache with slabs of its own: liballoc_cache_create(). */
struct model_cache {
    char name[MODEL_CACHE_NAME];
    uintptr_t address;        /* of struct object_cache */
    uintptr_t slabs_address;  /* of its slab_cache: what slabs point to */
    uint32_t size;            /* of the object as the program sees it */
    uint32_t front;           /* from the slot to the object */
    size_t live;              /* objects out */
    struct slab_cache slabs;  /* by value */
    struct page_list on_hand; /* free slabs kept */
};

struct model {
    struct target *target;
    struct model_zone *zones;
    size_t nzones;
    struct model_zone *rooms; /* for them, made before the target stood */
    size_t nrooms;
    struct model_heap *heaps; /* by id: heaps[0] has id 1 */
    size_t nheaps;
    struct model_mmap *mmaps; /* sorted by start */
    size_t nmmaps;
    struct model_cache *caches; /* sorted by slabs_address */
    size_t ncaches;
    uintptr_t *records; /* sorted addresses of mmap records: metadata too */
    size_t nrecords;
    struct mmap_table *mmap_table; /* by value */
    struct guarded *guarded;       /* by value; span 0: there are none */
    uint64_t chunk_secret;
    uint64_t object_secret;
    uint64_t link_secret; /* for link_mask() */
    bool is_held;         /* until model_free() */

    /* How far it is to be trusted. */
    unsigned retries;    /* copies beyond the first */
    unsigned torn_heaps; /* still torn after them */
    unsigned torn_zones;
    size_t faults; /* invariants broken while loading */
};

/*
 * NULL with *failure: no root, another version, nothing readable.  The target
 * is held while it is copied, no longer.
 */
struct model *model_load(struct target *target, struct failure *failure);

/*
 * The same, and holds on until model_release() or model_free(): for walks over
 * objects.
 */
struct model *model_load_held(struct target *target, struct failure *failure);
void model_release(struct model *model);
void model_free(struct model *model);

/* Bytes of blocks whose owner was at work: no figure of theirs is exact. */
size_t model_unverified(const struct model *model);

/* The zone and page frame of an address; false: of no zone. */
bool model_page(const struct model *model, uintptr_t address,
                const struct model_zone **zone, size_t *pfn);
const struct model_heap *model_heap(const struct model *model, uint32_t id);
const struct model_cache *model_cache(const struct model *model,
                                      uintptr_t slabs_address);
const struct model_mmap *model_mmap_at(const struct model *model,
                                       uintptr_t address);

/*
 * The page of the guarded samples that an address lies in, from 0; odd ones are
 * those of the slots.  False: in none.
 */
bool model_guarded_at(const struct model *model, uintptr_t address,
                      size_t *page);

/* A tunable of the target by its name; false: it has none such. */
bool model_tunable(const struct model *model, const char *name, size_t *value);

/* Where the free object at `mem` leads to; 0 = it is the last. */
static inline uintptr_t model_next(const struct model *model, uintptr_t mem,
                                   const struct free_object *object)
{
    return FAR_ADDRESS(object->next) ^ link_mask(mem, model->link_secret);
}

/* Precondition of the three: zone->first <= pfn < zone->npages. */
static inline const struct page *zone_page(const struct model_zone *zone,
                                           size_t pfn)
{
    return &zone->pages[pfn - zone->first];
}

static inline bool zone_is_head(const struct model_zone *zone, size_t pfn)
{
    size_t bit = pfn - (zone->first & ~(size_t)(MODEL_WORDS - 1));

    return (zone->heads[bit / MODEL_WORDS] >> bit % MODEL_WORDS & 1) != 0;
}

static inline bool zone_is_dirty(const struct model_zone *zone, size_t pfn)
{
    size_t bit = pfn - (zone->first & ~(size_t)(MODEL_WORDS - 1));

    return zone->dirty == NULL ||
           (zone->dirty[bit / MODEL_WORDS] >> bit % MODEL_WORDS & 1) != 0;
}

/* Address of the descriptor in the target. */
static inline uintptr_t zone_page_address(const struct model_zone *zone,
                                          size_t pfn)
{
    return FAR_ADDRESS(zone->zone.pages) + pfn * sizeof(struct page);
}

/* Objects on a bin's head; torn copies may say anything. */
static inline size_t bin_count(const struct bin *bin)
{
    int64_t count = (int64_t)bin->limit - bin->room;

    return count > 0 ? (size_t)count : 0;
}

/*
 * What a stretch of memory is, coarse: one block of pages, or a mapping.
 * Every byte of our regions is in exactly one of them.
 */
enum block_kind {
    BLOCK_FREE,    /* buddy */
    BLOCK_LISTED,  /* on a thread's page list */
    BLOCK_SLAB,    /* of a size class */
    BLOCK_CACHE,   /* of an object cache */
    BLOCK_SEGMENT, /* chunks of an arena: pages, or a stretch of brk */
    BLOCK_RUN,     /* large allocation */
    BLOCK_USER,    /* liballoc_pages_alloc() */
    BLOCK_MMAP,    /* mmapped chunk */
    BLOCK_MMAP_KEPT,
    BLOCK_GUARDED, /* a page of the guarded samples */
    BLOCK_META,    /* page maps, heaps, records of mmapped chunks */
    BLOCK_UNKNOWN, /* on its way from one to another, or damaged */
    NBLOCKKINDS,
};
extern const char *const block_kind_names[NBLOCKKINDS];

struct block {
    enum block_kind kind;
    uintptr_t start;
    size_t size;             /* bytes */
    unsigned order;          /* of buddy blocks, listed pages and slabs */
    uint32_t heap_id;        /* owner; 0: none */
    uintptr_t page;          /* its descriptor in the target; 0: none */
    const struct slab *slab; /* in the model; SLAB and CACHE */
    const struct model_zone *zone;
    size_t pfn; /* if zone != NULL and not brk */
};

/*
 * In order: per zone the stretches of brk, then its pages by address; then
 * mappings by address; then pages of live guarded samples; then metadata
 * outside of zones.
 */
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

/* The next page of a live sample from `*index` on; any page of theirs. */
bool guarded_next(const struct model *model, size_t *index,
                  struct block *block);
bool guarded_at(const struct model *model, uintptr_t address,
                struct block *block);

/*
 * One object: a slot of a slab, a chunk, a run, a mmapped chunk, a guarded
 * sample.
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
    NOBJECTSTATES,
};
extern const char *const object_state_names[NOBJECTSTATES];

struct object {
    enum object_state state;
    enum block_kind block;
    uintptr_t start;  /* of its memory, header included for chunks */
    size_t size;      /* bytes, header and rounding included */
    uintptr_t mem;    /* what malloc returned */
    size_t usable;    /* bytes from mem on */
    size_t clean;     /* of free chunks: bytes given back already */
    unsigned cls;     /* size class; NCLASS: none */
    uint32_t heap_id; /* owner */
    unsigned flags;   /* chunk flags, as in its header */
};

#endif
