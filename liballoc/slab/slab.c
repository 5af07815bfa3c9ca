/* SPDX-License-Identifier: MIT */
#include "slab/slab.h"

#include "base/debug.h"
#include "layout/invariants.h"

#include <string.h>

uintptr_t object_secret;
uintptr_t link_secret;
bool slab_zeroes;

enum {
    CARVE_STEP = 4096, /* memory touched ahead of need */
    REMOTE_COUNT_SHIFT = 16,
    REMOTE_INDEX_MASK = 0xffff,
};

struct slab *slab_of(const struct page_ref *ref)
{
    uint32_t kind = tag_kind(ref->tag) & ~(uint32_t)KIND_SAMPLED;

    if (kind >= NSLAB && kind != KIND_CACHE)
        return NULL;
    struct page *page = &ref->zone->pages[slab_head(ref->pfn, kind)];
    enum page_state state = page_state(page);

    return state == PAGE_SLAB || state == PAGE_CACHE ? page_slab(page) : NULL;
}

struct free_object *slab_object(struct slab *slab, unsigned index)
{
    const struct slab_cache *cache = slab->cache;
    unsigned page = index / cache->objs_page;
    unsigned in_page = index % cache->objs_page;

    return (struct free_object *)(slab_address(slab) +
                                  ((size_t)page << PAGE_SHIFT) +
                                  slab->colour * 16u +
                                  (size_t)in_page * cache->size);
}

int slab_index(struct slab *slab, uintptr_t mem)
{
    const struct slab_cache *cache = slab->cache;
    size_t offset = mem - slab_address(slab);
    uint32_t in_page = (uint32_t)(offset & (PAGE_BYTES - 1));
    uint32_t colour = slab->colour * 16u;

    if (in_page < colour || !is_multiple(in_page - colour, cache->magic))
        return -1;
    uint32_t index = divide_exact(in_page - colour, cache->magic);
    if (index >= cache->objs_page)
        return -1;
    return (int)((offset >> PAGE_SHIFT) * cache->objs_page + index);
}

/* What carved_to counts. */
static uint32_t frame_offset(uintptr_t address)
{
    return (uint32_t)(address & (SLAB_BYTES_MAX - 1));
}

void slab_init(struct slab *slab, struct slab_cache *cache, uint32_t heap_id)
{
    page_set_state(slab_page(slab), (enum page_state)cache->state);
    slab->order = (uint8_t)slab_order(cache->cls);
    slab->on_list = SLAB_ACTIVE;
    slab->heap_id = heap_id;
    slab->cache = cache;
    slab->freelist = NULL;
    slab->pending_next = NULL;
    slab->inuse = 0;
    slab->carved = 0;
    slab->nobjects = (uint16_t)(cache->objs_page << slab->order);
    slab->cls = cache->cls;
    slab->colour = cache->colour_next;
    /* stale ok: nobody else knows the slab yet */
    store_relaxed(&slab->carved_to, 0);
    /* stale ok: nobody else knows the slab yet */
    store_relaxed(&slab->remote, 0);
}

/*
 * A list in random order makes each pop wait for the one before; the lines
 * are fetched here in address order, many at a time.
 */
static void slab_prefetch(struct slab *slab)
{
    uintptr_t start = slab_address(slab);
    const char *at = (const char *)start;
    size_t step = max_size(slab->cache->size, 64);
    /* stale ok: only the owner writes it */
    size_t carved_to = load_relaxed(&slab->carved_to);

    for (size_t offset = frame_offset(start); offset < carved_to;
         offset += step, at += step)
        __builtin_prefetch(at, 1, 2);
}

void slab_take_listed(struct slab *slab, struct chain *chain)
{
    chain->head = slab->freelist;
    chain->count = slab_listed(slab);
    chain->carved = false;
    if (chain->count >= slab->nobjects / 2)
        slab_prefetch(slab);
    slab->freelist = NULL;
    slab->inuse = slab->carved;
}

/* A number coprime to `count`, hard to guess: primes that do not divide it. */
static unsigned random_stride(const void *seed, unsigned count)
{
    static const uint8_t primes[] = {3,  5,  7,  11, 13, 17, 19, 23,
                                     29, 31, 37, 41, 43, 47, 53, 59};
    uintptr_t random = link_mask((uintptr_t)seed, link_secret);

    for (unsigned i = 0; i < sizeof primes; i++) {
        unsigned prime = primes[(random + i) % sizeof primes];
        if (count % prime != 0)
            return prime;
    }
    return 1;
}

/*
 * `count` objects from `first` on, linked in an order that is not theirs;
 * the head.
 */
static struct free_object *link_shuffled(struct free_object *first,
                                         unsigned count, size_t size)
{
    unsigned stride = random_stride(first, count);
    unsigned at =
        (unsigned)(link_mask((uintptr_t)first, link_secret) >> 32) % count;
    struct free_object *head = NULL;

    for (unsigned i = 0; i < count; i++) {
        struct free_object *object =
            (struct free_object *)((uintptr_t)first + at * size);
        object_link(object, head);
        object->key = object_key(object);
        head = object;
        at = (at + stride) % count;
    }
    return head;
}

/* The same in address order. */
static void link_in_order(struct free_object *object, unsigned count,
                          size_t size)
{
    while (--count > 0) {
        struct free_object *next =
            (struct free_object *)((uintptr_t)object + size);
        object_link(object, next);
        object->key = object_key(object);
        object = next;
    }
    object_link(object, NULL);
    object->key = object_key(object);
}

void slab_carve(struct slab *slab, unsigned max, struct chain *chain)
{
    const struct slab_cache *cache = slab->cache;
    unsigned left = (unsigned)slab->nobjects - slab->carved;
    unsigned in_page = slab->carved % cache->objs_page;
    struct free_object *object = slab_object(slab, slab->carved);
    size_t ahead = cache->nr_slabs > 1 ? PAGE_BYTES : CARVE_STEP;
    size_t step = ahead - ((uintptr_t)object & (ahead - 1));
    unsigned count = (unsigned)((step + cache->size - 1) / cache->size);

    max = max < left ? max : left;
    count = count < max ? count : max;
    if (count > cache->objs_page - in_page)
        count = cache->objs_page - in_page;
    chain->head = object;
    chain->count = count;
    chain->carved = true;
    slab->carved = (uint16_t)(slab->carved + count);
    slab->inuse = (uint16_t)(slab->inuse + count);
    uint32_t end = frame_offset((uintptr_t)object) + count * cache->size;
    /* stale ok: who frees one of these got it from the owner */
    store_relaxed(&slab->carved_to, end);
    if (UNLIKELY(slab_zeroes))
        memset(object, 0, (size_t)count * cache->size);
    if (UNLIKELY(link_secret != 0)) {
        chain->head = link_shuffled(object, count, cache->size);
    } else {
        link_in_order(object, count, cache->size);
    }
}

bool slab_remote_push(struct slab *slab, struct chain chain,
                      struct free_object *tail)
{
    uint32_t head = (uint32_t)slab_index(slab, (uintptr_t)chain.head) + 1;
    /* stale ok: the compare and swap below checks it */
    uint32_t old = load_relaxed(&slab->remote);
    uint32_t new;

    do {
        uint32_t index = old & REMOTE_INDEX_MASK;
        object_link(tail, index == 0 ? NULL : slab_object(slab, index - 1));
        uint32_t count = (old >> REMOTE_COUNT_SHIFT) + chain.count;
        new = count << REMOTE_COUNT_SHIFT | head;
        /* release: publishes the chain; acquire: what the owner read of
           pending_next comes before it is written anew; pairs with
           slab_remote_take() */
    } while (!cas_weak_acq_rel(&slab->remote, &old, new));
    return old == 0;
}

/* True: it lies in the slab, aligned as an object. */
static bool slab_holds(struct slab *slab, const struct free_object *object)
{
    uintptr_t offset = (uintptr_t)object - slab_address(slab);

    return offset < (size_t)PAGE_BYTES << slab->order && offset % 16 == 0 &&
           slab_has_carved(slab, (uintptr_t)object);
}

unsigned slab_remote_take(struct slab *slab)
{
    /* acquire: the chain; release: pending_next was read, the next freer may
       write it; pairs with slab_remote_push() */
    uint32_t word = exchange_acq_rel(&slab->remote, 0);
    unsigned count = word >> REMOTE_COUNT_SHIFT;

    if (word == 0)
        return 0;
    struct free_object *head =
        slab_object(slab, (word & REMOTE_INDEX_MASK) - 1);
    if (UNLIKELY(count > slab->inuse))
        fatal("double free or corruption (remote)", head);
    if (slab->freelist != NULL) {
        struct free_object *tail = head;
        struct free_object *next;
        while ((next = object_next(tail)) != NULL) {
            if (UNLIKELY(!slab_holds(slab, next)))
                fatal("corrupted free list (remote)", tail);
            tail = next;
        }
        object_link(tail, slab->freelist);
    }
    slab->freelist = head;
    slab->inuse = (uint16_t)(slab->inuse - count);
    return count;
}

const char *slab_check(struct slab *slab)
{
    unsigned count = 0;

    if (slab->inuse > slab->carved || slab->carved > slab->nobjects)
        return invariant_broken(INVARIANT_SLAB_COUNTS);
    for (struct free_object *it = slab->freelist; it != NULL;
         it = object_next(it)) {
        int index = slab_index(slab, (uintptr_t)it);
        if (index < 0 || index >= slab->carved)
            return invariant_broken(INVARIANT_SLAB_RANGE);
        if (it->key != object_key(it))
            return invariant_broken(INVARIANT_SLAB_MARK);
        if (++count > slab->nobjects)
            return invariant_broken(INVARIANT_SLAB_CYCLE);
    }
    return count == slab_listed(slab) ? NULL
                                      : invariant_broken(INVARIANT_SLAB_LENGTH);
}
