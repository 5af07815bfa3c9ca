/* SPDX-License-Identifier: MIT */
#include "slab/object_cache.h"

#include "base/debug.h"
#include "base/list.h"
#include "slab/slab_cache.h"

#include <string.h>

enum {
    LOOSE_MAX = 128, /* free slots kept at hand before slabs get them back */
    LINK_BYTES = sizeof(struct free_object),
};

static struct lock caches_lock = LOCK_INIT(LOCK_RANK_CACHES);
struct list_head object_caches; /* Protected by: caches_lock */

static struct slab_source source_of(struct object_cache *cache)
{
    return (struct slab_source){{NULL, &cache->page_list}, 0};
}

static void *slot_object(const struct object_cache *cache,
                         struct free_object *slot)
{
    return (void *)((uintptr_t)slot + cache->front);
}

bool object_cache_init(struct object_cache *cache, const char *name,
                       size_t size, size_t align, void (*ctor)(void *object))
{
    size_t front = ctor != NULL ? max_size(LINK_BYTES, align) : 0;
    size_t slot = round_up(max_size(front + size, LINK_BYTES), align);

    if (slot > PAGE_BYTES)
        return false;
    strncpy(cache->name, name != NULL ? name : "unnamed",
            sizeof cache->name - 1);
    cache->ctor = ctor;
    cache->size = (uint32_t)size;
    cache->front = (uint32_t)front;
    cache->lock = (struct lock)LOCK_INIT(LOCK_RANK_CACHE);
    slab_cache_init(&cache->slabs, slot, NSLAB);
    slab_cache_set_colour(&cache->slabs, align);
    page_list_init(&cache->page_list, SLAB_ORDER_MAX, 1, 2);
    lock_acquire(&caches_lock);
    list_insert(&object_caches, &cache->all);
    lock_release(&caches_lock);
    return true;
}

/* Fetches a chain of slots; new ones are constructed.  False: no memory. */
static bool loose_fill(struct object_cache *cache) REQUIRES(cache->lock)
{
    struct slab_source from = source_of(cache);

    if (!slab_cache_take(&cache->slabs, &from, LOOSE_MAX, &cache->loose))
        return false;
    if (!cache->loose.carved || cache->ctor == NULL)
        return true;
    for (struct free_object *it = cache->loose.head; it != NULL;
         it = object_next(it))
        cache->ctor(slot_object(cache, it));
    return true;
}

void *object_cache_alloc(struct object_cache *cache)
{
    void *object = NULL;

    lock_acquire(&cache->lock);
    if (cache->loose.head != NULL || loose_fill(cache)) {
        struct free_object *slot = cache->loose.head;
        cache->loose.head = object_next(slot);
        cache->loose.count--;
        cache->live++;
        slot->key = 0;
        object = slot_object(cache, slot);
    }
    lock_release(&cache->lock);
    return object;
}

/* The slab of a slot of this cache; fatal if it is none. */
static struct slab *slot_slab(const struct object_cache *cache,
                              struct free_object *slot, const void *object)
{
    struct page_ref ref;

    if (!page_lookup((uintptr_t)slot, &ref) || tag_kind(ref.tag) != KIND_CACHE)
        fatal("invalid pointer", object);
    struct slab *slab = slab_of(&ref);
    if (slab == NULL || slab->cache != &cache->slabs ||
        slab_index(slab, (uintptr_t)slot) < 0)
        fatal("invalid pointer", object);
    return slab;
}

/* Slots at hand back to their slabs, but for `keep`. */
static void loose_flush(struct object_cache *cache, unsigned keep)
    REQUIRES(cache->lock)
{
    struct slab_source from = source_of(cache);

    while (cache->loose.count > keep) {
        struct free_object *slot = cache->loose.head;
        cache->loose.head = object_next(slot);
        cache->loose.count--;
        slab_cache_put(&cache->slabs, &from, slot_slab(cache, slot, slot),
                       slot);
    }
}

void object_cache_free(struct object_cache *cache, void *object)
{
    struct free_object *slot =
        (struct free_object *)((uintptr_t)object - cache->front);

    lock_acquire(&cache->lock);
    slot_slab(cache, slot, object);
    if (slot->key == object_key(slot))
        fatal("double free or corruption", object);
    slot->key = object_key(slot);
    object_link(slot, cache->loose.head);
    cache->loose.head = slot;
    cache->loose.count++;
    cache->live--;
    if (cache->loose.count > LOOSE_MAX)
        loose_flush(cache, LOOSE_MAX / 2);
    lock_release(&cache->lock);
}

size_t object_cache_shrink(struct object_cache *cache)
{
    struct slab_source from = source_of(cache);

    lock_acquire(&cache->lock);
    loose_flush(cache, 0);
    size_t bytes = slab_cache_shrink(&cache->slabs, &from);
    page_list_drain(&cache->page_list);
    lock_release(&cache->lock);
    return bytes;
}

bool object_cache_destroy(struct object_cache *cache)
{
    lock_acquire(&cache->lock);
    bool unused = cache->live == 0;
    lock_release(&cache->lock);
    if (!unused)
        return false;
    object_cache_shrink(cache);
    lock_acquire(&caches_lock);
    list_remove(&cache->all);
    lock_release(&caches_lock);
    return true;
}

NO_THREAD_SAFETY void object_caches_lock(void)
{
    lock_acquire(&caches_lock);
    list_for_each (it, &object_caches)
        lock_acquire(&CONTAINER_OF(it, struct object_cache, all)->lock);
}

NO_THREAD_SAFETY void object_caches_unlock(void)
{
    list_for_each (it, &object_caches)
        lock_release(&CONTAINER_OF(it, struct object_cache, all)->lock);
    lock_release(&caches_lock);
}

void object_caches_reset(void (*reset)(struct lock *lock))
{
    list_for_each (it, &object_caches)
        reset(&CONTAINER_OF(it, struct object_cache, all)->lock);
    reset(&caches_lock);
}
