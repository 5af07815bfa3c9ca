/* SPDX-License-Identifier: MIT */
#include "heap/bin.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "base/bits.h"
#include "base/debug.h"
#include "base/lock.h"
#include "base/tunables.h"
#include "heap/registry.h"
#include "heap/remote.h"
#include "heap/run.h"
#include "page/zone.h"
#include "slab/slab_cache.h"

enum {
    CAP_MAX = 1024,           /* objects in any bin */
    SMALL_START = 4 * KIB,    /* bytes a fresh bin of a small class may hold */
    MEDIUM_START = 32 * KIB,
    MEDIUM_CAP_MAX = 64,
    RUN_CAP_MAX = 4,
};

bool class_is_slab(unsigned cls)
{
    return cls < NSLAB && size_class_bytes(cls) <= tunables.slab_max;
}

static size_t cap_start(unsigned cls)
{
    size_t size = size_class_bytes(cls);

    if (cls < NSLAB)
        return clamp_size(SMALL_START / size, 8, 64);
    return clamp_size(MEDIUM_START / size, 1, 16);
}

static size_t cap_most(unsigned cls)
{
    size_t size = size_class_bytes(cls);

    if (cls < NSLAB)
        return clamp_size(tunables.bin_bytes / size, 8, CAP_MAX);
    return cls < NSLAB + NMEDIUM ? MEDIUM_CAP_MAX : RUN_CAP_MAX;
}

static void bin_reset(struct heap *heap, unsigned cls)
{
    struct bin *bin = &heap->bins[cls];

    bin->head = NULL;
    bin->spare = NULL;
    bin->spare_count = 0;
    bin->limit = heap->cap[cls];
    bin->room = heap->cap[cls];
}

void bins_init(struct heap *heap)
{
    heap->cached_bytes = 0;
    for (unsigned cls = 0; cls < NCLASS; cls++) {
        heap->cap[cls] = (uint16_t)cap_start(cls);
        if (cls >= NSLAB)
            heap->cached_bytes += heap->cap[cls] * size_class_bytes(cls);
        heap->bins[cls].magic = divide_magic(size_class_bytes(cls));
        bin_reset(heap, cls);
    }
}

/* Bins above SMALL_MAX share a budget: what is live tells how much. */
static bool cap_is_affordable(const struct heap *heap, size_t more)
{
    size_t live = zone_live_pages() << PAGE_SHIFT;

    return heap->cached_bytes + more <= max_size(tunables.cache_bytes, live / 8);
}

/*
 * A refill soon after a spill: what went away was needed, the bin is too
 * small.  Many spills in a row are a burst: no bin is large enough for that.
 */
static void cap_grow(struct heap *heap, unsigned cls)
{
    size_t cap = heap->cap[cls];
    size_t more = min_size(cap, cap_most(cls) - min_size(cap, cap_most(cls)));

    if (cls >= NSLAB) {
        size_t bytes = more * size_class_bytes(cls);
        if (!cap_is_affordable(heap, bytes))
            return;
        heap->cached_bytes += bytes;
    }
    heap->cap[cls] = (uint16_t)(cap + more);
}

/* The chain becomes the bin's contents, with room for cap more. */
static void bin_load(struct heap *heap, unsigned cls, void *head, size_t count)
{
    struct bin *bin = &heap->bins[cls];

    bin->head = head;
    bin->room = heap->cap[cls];
    bin->limit = (int32_t)(count + heap->cap[cls]);
}

static bool refill_slab(struct heap *heap, unsigned cls)
    REQUIRES(heap->lock)
{
    struct slab_source from = {&heap->page_list, heap->id};
    struct chain chain;

    if (!slab_cache_take(&heap->slab_caches[cls], &from, heap->cap[cls], &chain))
        return false;
    bin_load(heap, cls, chain.head, chain.count);
    return true;
}

static bool refill_chunk(struct heap *heap, unsigned cls)
    REQUIRES(heap->lock)
{
    size_t size = size_class_bytes(cls) + CHUNK_HEADER;
    struct chunk *chunk = arena_alloc(&heap->arena, size);

    if (chunk == NULL)
        return false;
    struct free_object *object = chunk_to_mem(chunk);
    object->next = NULL;
    bin_load(heap, cls, object, 1);
    return true;
}

static bool refill_run(struct heap *heap, unsigned cls)
{
    bool fresh;
    struct free_object *object =
        run_alloc(size_class_bytes(cls), PAGE_BYTES, &fresh);

    if (object == NULL)
        return false;
    object->next = NULL;
    bin_load(heap, cls, object, 1);
    return true;
}

bool bin_refill(struct heap *heap, unsigned cls)
{
    struct bin *bin = &heap->bins[cls];

    heap->used[cls] = 1;
    if (bin->spare != NULL) {
        bin_load(heap, cls, bin->spare, bin->spare_count);
        bin->spare = NULL;
        bin->spare_count = 0;
        return true;
    }
    if (heap->spills[cls] > 0 && heap->spills[cls] <= 2 * heap->cap[cls])
        cap_grow(heap, cls);
    heap->spills[cls] = 0;
    if (cls >= NSLAB + NMEDIUM)
        return refill_run(heap, cls);
    heap_lock(heap);
    remote_collect_owner(heap);
    bool filled = bin->head != NULL;
    if (!filled)
        filled = class_is_slab(cls) ? refill_slab(heap, cls)
                                    : refill_chunk(heap, cls);
    heap_unlock(heap);
    return filled;
}

/* The slab of an object anywhere; NULL = it is in none. */
static struct slab *slab_lookup(const struct free_object *object)
{
    struct page_ref ref;

    return page_lookup((uintptr_t)object, &ref) ? slab_of(&ref) : NULL;
}

/* The same, quick for slabs of the first zone. */
static inline struct slab *slab_near(const struct heap *heap,
                                     const struct free_object *object)
{
    size_t pfn = page_pfn(heap->base, (uintptr_t)object);

    if (UNLIKELY(pfn >= heap->npages))
        return slab_lookup(object);
    struct page *page = &heap->pages[round_down(pfn, SLAB_PAGES)];
    return LIKELY(page->state == PAGE_SLAB) ? page_slab(page) : NULL;
}

/* A chain of objects back to the slabs of their class. */
static void flush_slab(struct heap *heap, struct slab_cache *cache,
                       struct free_object *object)
    REQUIRES(heap->lock)
{
    struct slab_source from = {&heap->page_list, heap->id};

    while (object != NULL) {
        struct free_object *next = object->next;
        struct slab *slab = slab_near(heap, object);
        __builtin_prefetch(next);
        if (UNLIKELY(object->key != object_key(object) || slab == NULL ||
                     slab->cache != cache))
            fatal("corrupted free list", object);
        if (UNLIKELY(!slab_has_carved(slab, (uintptr_t)object)))
            fatal("invalid pointer", object);
        slab_cache_put(cache, &from, slab, object);
        object = next;
    }
}

static void flush_chunks(struct heap *heap, struct free_object *object)
    REQUIRES(heap->lock)
{
    while (object != NULL) {
        struct free_object *next = object->next;
        if (UNLIKELY(object->key != object_key(object)))
            fatal("corrupted free list", object);
        chunk_check_inuse(object);
        arena_free(&heap->arena, mem_to_chunk(object));
        object = next;
    }
}

static void flush_runs(struct free_object *object)
{
    while (object != NULL) {
        struct free_object *next = object->next;
        if (UNLIKELY(object->key != object_key(object)))
            fatal("corrupted free list", object);
        run_release(object);
        object = next;
    }
}

/* A chain of `cls` back to its slabs, its arena, or the zone. */
static void chain_flush(struct heap *heap, unsigned cls,
                        struct free_object *object)
    REQUIRES(heap->lock)
{
    if (class_is_slab(cls))
        flush_slab(heap, &heap->slab_caches[cls], object);
    else if (cls < NSLAB + NMEDIUM)
        flush_chunks(heap, object);
    else
        flush_runs(object);
}

void bin_flush_locked(struct heap *heap, unsigned cls)
{
    struct bin *bin = &heap->bins[cls];
    struct free_object *head = bin->head;
    struct free_object *spare = bin->spare;

    bin_reset(heap, cls);
    chain_flush(heap, cls, spare);
    chain_flush(heap, cls, head);
}

static void bin_park(struct heap *heap, unsigned cls)
{
    struct bin *bin = &heap->bins[cls];

    bin->spare = bin->head;
    bin->spare_count = (uint32_t)bin_count(bin);
    bin_load(heap, cls, NULL, 0);
}

void bin_spill(struct heap *heap, unsigned cls, void *mem)
{
    struct bin *bin = &heap->bins[cls];
    struct free_object *object = mem;

    heap->used[cls] = 1;
    if (bin->spare == NULL && bin->head != NULL)
        bin_park(heap, cls);
    if (bin->room > 0) {
        bin_push(bin, mem);
        return;
    }
    object->key = object_key(object);
    object->next = NULL;
    heap_lock(heap);
    chain_flush(heap, cls, object);
    heap_unlock(heap);
}
