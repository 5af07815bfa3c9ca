/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_SLAB_SLAB_CACHE_H
#define LIBALLOC_SLAB_SLAB_CACHE_H
/*
 * Slabs of one object size: active, partial, full, empty.
 *
 *             take                    last object taken
 *   new ----> ACTIVE ----------------------> FULL
 *               ^  when the active is full     | first object back
 *               +-------- PARTIAL <------------+
 *                             | last object back
 *                             v
 *                           EMPTY ---> page list ---> zone
 *
 * Layer: slab.  Locks: the owner's lock is held by the caller throughout.
 * Source: Bonwick, The Slab Allocator (USENIX 1994); Linux mm/slub.c.
 */
#include "page/page_list.h"
#include "slab/slab.h"

/* Where a cache gets its slabs' pages, by slab_order(). */
struct slab_source {
    struct page_list *lists[SLAB_ORDERS];
    uint32_t heap_id;
};

/* `size` is a multiple of 16 up to a page; `cls` NSLAB for object caches. */
void slab_cache_init(struct slab_cache *cache, size_t size, unsigned cls);

/*
 * Starts objects at multiples of `step` bytes within the page's waste, in
 * turn from slab to slab.  `step` is a multiple of 16, at least of the
 * objects' alignment.
 */
void slab_cache_set_colour(struct slab_cache *cache, size_t step);

/*
 * A chain of free objects, at least one: all listed ones of the best slab, or
 * up to `want` new ones.  False: no memory.
 */
bool slab_cache_take(struct slab_cache *cache, const struct slab_source *from,
                     unsigned want, struct chain *chain);

/* Objects came back to the slab: moves it to the list where it belongs now. */
void slab_cache_settle(struct slab_cache *cache, const struct slab_source *from,
                       struct slab *slab);

/* One object back; its slab may become partial, or empty and leave. */
static inline void slab_cache_put(struct slab_cache *cache,
                                  const struct slab_source *from,
                                  struct slab *slab, struct free_object *object)
{
    slab_put(slab, object);
    if (UNLIKELY(slab->inuse == 0 || slab->on_list == SLAB_FULL))
        slab_cache_settle(cache, from, slab);
}

/* What other threads freed in `slab` becomes free in it. */
void slab_cache_collect(struct slab_cache *cache,
                        const struct slab_source *from, struct slab *slab);

/* Empty slabs, the active one included, back to the zone; bytes. */
size_t slab_cache_shrink(struct slab_cache *cache,
                         const struct slab_source *from);

/* Calls for each slab of the cache. */
void slab_cache_walk(struct slab_cache *cache,
                     void (*visit)(struct slab *slab, void *data), void *data);

/* NULL, or which property of the cache or of a slab does not hold. */
const char *slab_cache_check(struct slab_cache *cache);

#endif
