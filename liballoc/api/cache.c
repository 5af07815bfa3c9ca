/* SPDX-License-Identifier: MIT */
/*
 * liballoc_cache_*: object caches, merged with malloc's size classes where
 * nothing tells them apart.
 */
#include "api/entry.h"
#include "base/atomic.h"
#include "base/bits.h"
#include "liballoc.h"
#include "slab/object_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALIGN_MAX = 4096,
    SLOT_MAX = 8192, /* larger objects leave a slab mostly waste */
};

struct liballoc_cache {
    size_t merged_size;         /* served by malloc(); 0: by `own` */
    size_t align;               /* of merged objects */
    void (*ctor)(void *object); /* of merged, large objects; or NULL */
    _Atomic size_t live;        /* merged, large objects out.  Atomic */
    bool is_large;
    struct object_cache own;
};

static bool can_merge(size_t size, size_t align, unsigned flags,
                      void (*ctor)(void *))
{
    return size <= SMALL_MAX && align <= 16 && ctor == NULL &&
           (flags & LIBALLOC_NO_MERGE) == 0;
}

EXPORT struct liballoc_cache *liballoc_cache_create(const char *name,
                                                    size_t size, size_t align,
                                                    unsigned flags,
                                                    void (*ctor)(void *object))
{
    align = align == 0 ? 16 : align;
    if (size == 0 || size > LIBALLOC_CACHE_SIZE_MAX || !is_pow2(align) ||
        align > ALIGN_MAX || (flags & ~LIBALLOC_NO_MERGE) != 0) {
        errno = EINVAL;
        return NULL;
    }
    struct liballoc_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return NULL;
    cache->align = max_size(align, 16);
    cache->is_large = size + align > SLOT_MAX || watcher != NULL;
    if (cache->is_large || can_merge(size, align, flags, ctor)) {
        cache->merged_size = size;
        cache->ctor = ctor;
        return cache;
    }
    if (!object_cache_init(&cache->own, name, size, max_size(align, 16),
                           ctor)) {
        free(cache);
        errno = EINVAL;
        return NULL;
    }
    return cache;
}

/* Too large for slabs: from pages, constructed each time. */
static void *alloc_large(struct liballoc_cache *cache, unsigned flags)
{
    void *object = aligned_alloc(cache->align, cache->merged_size);

    if (object == NULL)
        return NULL;
    if (flags != 0)
        memset(object, 0, cache->merged_size);
    if (cache->ctor != NULL)
        cache->ctor(object);
    /* stale ok: only destroy reads it, when nobody else may call */
    add_relaxed(&cache->live, 1);
    return object;
}

static bool has_ctor(const struct liballoc_cache *cache)
{
    return cache->ctor != NULL || cache->own.ctor != NULL;
}

EXPORT void *liballoc_cache_alloc(struct liballoc_cache *cache, unsigned flags)
{
    if ((flags & ~LIBALLOC_ZERO) != 0 || (flags != 0 && has_ctor(cache))) {
        errno = EINVAL;
        return NULL;
    }
    if (cache->is_large)
        return alloc_large(cache, flags);
    if (cache->merged_size != 0) {
        return flags != 0 ? calloc(1, cache->merged_size)
                          : malloc(cache->merged_size);
    }
    void *object = object_cache_alloc(&cache->own);
    if (object == NULL) {
        errno = ENOMEM;
    } else if (flags != 0) {
        memset(object, 0, cache->own.size);
    }
    return object;
}

EXPORT void liballoc_cache_free(struct liballoc_cache *cache, void *object)
{
    if (object == NULL)
        return;
    if (cache->is_large) {
        /* stale ok: only destroy reads it, when nobody else may call */
        sub_relaxed(&cache->live, 1);
    }
    if (cache->merged_size != 0) {
        free(object);
        return;
    }
    entry_name = "liballoc_cache_free";
    object_cache_free(&cache->own, object);
}

EXPORT size_t liballoc_cache_alloc_bulk(struct liballoc_cache *cache,
                                        unsigned flags, size_t n, void **out)
{
    size_t done = 0;

    while (done < n && (out[done] = liballoc_cache_alloc(cache, flags)) != NULL)
        done++;
    return done;
}

EXPORT void liballoc_cache_free_bulk(struct liballoc_cache *cache, size_t n,
                                     void **objects)
{
    for (size_t i = 0; i < n; i++)
        liballoc_cache_free(cache, objects[i]);
}

/* A merged cache has no slabs of its own: what is empty is malloc's. */
EXPORT size_t liballoc_cache_shrink(struct liballoc_cache *cache)
{
    return cache->merged_size != 0 ? 0 : object_cache_shrink(&cache->own);
}

EXPORT int liballoc_cache_destroy(struct liballoc_cache *cache)
{
    if (cache == NULL)
        return 0;
    /* stale ok: nobody else may use the cache any more */
    bool in_use = cache->merged_size != 0 ? load_relaxed(&cache->live) != 0
                                          : !object_cache_destroy(&cache->own);
    if (in_use) {
        errno = EBUSY;
        return -1;
    }
    free(cache);
    return 0;
}
