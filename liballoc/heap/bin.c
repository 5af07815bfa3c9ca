/* SPDX-License-Identifier: MIT */
#include "heap/bin.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "base/bits.h"
#include "base/debug.h"
#include "base/lock.h"
#include "heap/bin_cap.h"
#include "heap/registry.h"
#include "heap/remote.h"
#include "page/zone.h"
#include "slab/slab_cache.h"

enum {
    HOLD_MOST = 3,     /* times cap: a bin, and as much again its spare */
    SPILL_CREDIT = 63, /* spills between looks at the clock */
    NO_CREDIT = -2,    /* -1: it was granted, and is used up */
};

/*
 * The spare of a drained bin.  It keeps the bin full though it is empty: each
 * free goes down to its slab, so that slabs become empty and go back, and the
 * next malloc of the class takes the slow path, which looks at the clock.
 */
static struct free_object drained;

/* Bins are set up at their first slow event: an unused one stays untouched. */
static void bin_init(struct heap *heap, unsigned index)
{
    struct bin *bin = &heap->bins[index];

    if (LIKELY(heap->cap[index] != 0))
        return;
    heap->cap[index] = (uint16_t)cap_start(index);
    if (index < NSLAB)
        heap->spill_credit[index] = NO_CREDIT;
    bin->magic = divide_magic(bin_bytes(index));
    bin->limit = heap->cap[index];
    bin->room = heap->cap[index];
}

static void spills_add(struct heap *heap, unsigned index, unsigned count)
{
    unsigned sum = heap->spills[index] + count;

    heap->spills[index] = (uint16_t)(sum < UINT16_MAX ? sum : UINT16_MAX);
}

/*
 * Counts the spills that the fast path made on credit, and calls it in.  What
 * was left: below 0, none.
 */
static int credit_settle(struct heap *heap, unsigned index)
{
    if (index >= NSLAB)
        return NO_CREDIT;
    int left = heap->spill_credit[index];
    heap->spill_credit[index] = NO_CREDIT;
    if (left > NO_CREDIT)
        spills_add(heap, index, (unsigned)(SPILL_CREDIT - left));
    return left;
}

static void credit_grant(struct heap *heap, unsigned index)
{
    if (index < NSLAB && heap->bins[index].spare != NULL && heap_enter_works())
        heap->spill_credit[index] = SPILL_CREDIT;
}

/*
 * The chain becomes the bin's contents, with room for cap more, but not above
 * HOLD_MOST times cap in all: a chain that was parked may be longer than cap,
 * and would be parked longer each time.
 */
static void bin_load(struct heap *heap, unsigned index, void *head,
                     size_t count)
{
    struct bin *bin = &heap->bins[index];
    size_t cap = heap->cap[index];
    size_t most = HOLD_MOST * cap;
    size_t room = min_size(cap, most - min_size(count, most));

    cap_settle(heap, index);
    bin->head = head;
    bin->room = (int32_t)room;
    bin->limit = (int32_t)(count + room);
}

static bool refill_slab(struct heap *heap, unsigned cls) REQUIRES(heap->lock)
{
    struct slab_source from = heap_slab_source(heap);
    struct slab_cache *cache = &heap->slab_caches[cls];
    struct chain chain;

    if (cache->size == 0)
        slab_cache_init(cache, size_class_bytes(cls), cls);
    if (!slab_cache_take(cache, &from, heap->cap[cls], &chain))
        return false;
    bin_load(heap, cls, chain.head, chain.count);
    return true;
}

static bool refill_chunk(struct heap *heap, unsigned index) REQUIRES(heap->lock)
{
    struct chunk *chunk =
        arena_alloc(&heap->arena, bin_bytes(index) + CHUNK_HEADER);

    if (chunk == NULL)
        return false;
    struct free_object *object = chunk_to_mem(chunk);
    object_link(object, NULL);
    bin_load(heap, index, object, 1);
    return true;
}

bool bin_refill(struct heap *heap, unsigned index)
{
    struct bin *bin = &heap->bins[index];

    bin_init(heap, index);
    heap->used[index] = 1;
    credit_settle(heap, index);
    void *spare = bin->spare;
    bin->spare = NULL;
    if (spare != NULL && spare != &drained) {
        bin_load(heap, index, spare, bin->spare_count);
        bin->spare_count = 0;
        return true;
    }
    if (spare == &drained) {
        /* The first call after a quiet time, perhaps: watch the next ones. */
        heap->idle_calls |= 1;
        heap->busy_calls = 0;
    }
    cap_adapt(heap, index);
    heap_lock(heap);
    remote_collect_owner(heap);
    bool filled = bin->head != NULL;
    if (!filled) {
        filled = index < NSLAB ? refill_slab(heap, index)
                               : refill_chunk(heap, index);
    }
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
static inline struct slab *slab_near(const struct heap *heap, unsigned cls,
                                     const struct free_object *object)
{
    size_t pfn = page_pfn(heap->base, (uintptr_t)object);

    if (UNLIKELY(pfn >= heap->npages))
        return slab_lookup(object);
    struct page *page = &heap->pages[slab_head(pfn, cls)];
    return LIKELY(page_state(page) == PAGE_SLAB) ? page_slab(page) : NULL;
}

/* A chain of objects back to the slabs of their class. */
static void flush_slab(struct heap *heap, struct slab_cache *cache,
                       struct free_object *object) REQUIRES(heap->lock)
{
    struct slab_source from = heap_slab_source(heap);

    while (object != NULL) {
        /* The address first: a forged link may lead anywhere. */
        struct slab *slab = slab_near(heap, cache->cls, object);
        if (UNLIKELY(slab == NULL || slab->cache != cache ||
                     object->key != object_key(object)))
            fatal("corrupted free list", object);
        struct free_object *next = object_next(object);
        __builtin_prefetch(next);
        if (UNLIKELY(!slab_has_carved(slab, (uintptr_t)object)))
            fatal("invalid pointer", object);
        slab_cache_put(cache, &from, slab, object);
        object = next;
    }
}

bool heap_holds_chunk(const struct heap *heap, const void *mem)
{
    struct page_ref ref;

    return page_lookup((uintptr_t)mem, &ref) &&
           ref.tag == tag_make(heap->id, KIND_CHUNK) &&
           (uintptr_t)mem % 16 == 0;
}

static void flush_chunks(struct heap *heap, struct free_object *object)
    REQUIRES(heap->lock)
{
    while (object != NULL) {
        if (UNLIKELY(!heap_holds_chunk(heap, object) ||
                     object->key != object_key(object)))
            fatal("corrupted free list", object);
        struct free_object *next = object_next(object);
        chunk_check_inuse(object);
        arena_free(&heap->arena, mem_to_chunk(object));
        object = next;
    }
}

/* A chain of a bin back to its slabs, or to the arena. */
static void chain_flush(struct heap *heap, unsigned index,
                        struct free_object *object) REQUIRES(heap->lock)
{
    if (index < NSLAB) {
        flush_slab(heap, &heap->slab_caches[index], object);
    } else {
        flush_chunks(heap, object);
    }
}

void bin_flush_locked(struct heap *heap, unsigned index)
{
    struct bin *bin = &heap->bins[index];
    struct free_object *head = bin->head;
    struct free_object *spare = bin->spare;

    if (heap->cap[index] == 0 || (head == NULL && spare == NULL))
        return;
    credit_settle(heap, index);
    spare = spare == &drained ? NULL : spare;
    bin->spare = NULL;
    bin->spare_count = 0;
    bin_load(heap, index, NULL, 0);
    chain_flush(heap, index, spare);
    chain_flush(heap, index, head);
}

static void bin_park(struct heap *heap, unsigned index)
{
    struct bin *bin = &heap->bins[index];

    bin->spare = bin->head;
    bin->spare_count = (uint32_t)bin_count(bin);
    bin_load(heap, index, NULL, 0);
}

void bin_drain_locked(struct heap *heap, unsigned index)
{
    struct bin *bin = &heap->bins[index];

    if (heap->cap[index] == 0)
        return;
    bin_flush_locked(heap, index);
    bin->spare = &drained;
    bin->room = 0;
    bin->limit = 0;
}

static void spill_slow(struct heap *heap, unsigned index,
                       struct free_object *object)
{
    object->key = object_key(object);
    object_link(object, NULL);
    heap_lock(heap);
    chain_flush(heap, index, object);
    if (heap->spills[index] > cap_burst(index) &&
        heap->bins[index].spare != &drained)
        bin_drain_locked(heap, index);
    heap_unlock(heap);
}

bool bin_spill(struct heap *heap, unsigned index, void *mem)
{
    struct bin *bin = &heap->bins[index];

    bin_init(heap, index);
    heap->used[index] = 1;
    int left = credit_settle(heap, index);
    if (bin->room <= 0 && bin->spare == NULL && bin->head != NULL &&
        heap->cap[index] > 1)
        bin_park(heap, index);
    if (bin->room > 0 || cap_extend(heap, index, mem)) {
        bin_push(bin, mem);
        return left < 0;
    }
    if (left <= NO_CREDIT)
        spills_add(heap, index, 1);
    spill_slow(heap, index, mem);
    credit_grant(heap, index);
    return left < 0;
}
