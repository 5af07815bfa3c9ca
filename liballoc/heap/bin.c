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

/* The bin overflowed with its spare full: it is too small. */
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
    struct slab_source from = {heap->page_lists, heap->id};
    struct chain chain;

    if (!slab_cache_take(&heap->slab_caches[cls], &from, CAP_MAX, &chain))
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

/* Fatal unless the object's slab is of this heap and class. */
static struct slab *slab_of_object(const struct heap *heap, unsigned cls,
                                   struct free_object *object)
{
    struct page_ref ref;

    if (!page_lookup((uintptr_t)object, &ref) ||
        ref.tag != tag_make(heap->id, cls))
        fatal("corrupted free list", object);
    struct slab *slab = slab_of(&ref);
    int index = slab != NULL ? slab_index(slab, (uintptr_t)object) : -1;
    if (index < 0 || index >= slab->carved)
        fatal("invalid pointer", object);
    return slab;
}

/* A chain of `cls` back to its slabs, its arena, or the zone. */
static void chain_flush(struct heap *heap, unsigned cls,
                        struct free_object *object)
    REQUIRES(heap->lock)
{
    struct slab_source from = {heap->page_lists, heap->id};
    struct slab_cache *cache = cls < NSLAB ? &heap->slab_caches[cls] : NULL;
    bool is_slab = class_is_slab(cls);

    while (object != NULL) {
        struct free_object *next = object->next;
        if (UNLIKELY(object->key != object_key(object)))
            fatal("corrupted free list", object);
        if (is_slab) {
            slab_cache_put(cache, &from, slab_of_object(heap, cls, object),
                           object);
        } else if (cls < NSLAB + NMEDIUM) {
            chunk_check_inuse(object);
            arena_free(&heap->arena, mem_to_chunk(object));
        } else {
            run_release(object);
        }
        object = next;
    }
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

void bin_overflow(struct heap *heap, unsigned cls)
{
    struct bin *bin = &heap->bins[cls];
    struct free_object *old = bin->spare;
    size_t count = bin_count(bin);

    heap->used[cls] = 1;
    bin->spare = bin->head;
    bin->spare_count = (uint32_t)count;
    if (old != NULL)
        cap_grow(heap, cls);
    bin_load(heap, cls, NULL, 0);
    if (old == NULL)
        return;
    heap_lock(heap);
    chain_flush(heap, cls, old);
    heap_unlock(heap);
}
