/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_SLAB_OBJECT_CACHE_H
#define LIBALLOC_SLAB_OBJECT_CACHE_H
/*
 * Object caches with slabs of their own: constructors, alignment, colouring.
 * Caches that could share a size class never come here (api/cache.c).
 *
 *   slot:  | {next, key} | pad to the alignment | object |    with constructor
 *          | object, {next, key} overlaid while free     |    without
 *
 * A constructed object keeps its state while it is free: the link lies before
 * it.
 * Layer: slab.  Thread safe: each cache has a lock.
 */
#include "base/lock.h"
#include "layout/slab.h"
#include "page/page_list.h"
#include "slab/slab.h"

enum {
    OBJECT_CACHE_NAME = 32,
};

struct object_cache {
    char name[OBJECT_CACHE_NAME];
    void (*ctor)(void *object); /* may be NULL */
    uint32_t size;              /* of the object as the program sees it */
    uint32_t front;             /* from the slot to the object */
    struct lock lock;
    struct list_head all;       /* registry of caches */
    struct slab_cache slabs;    /* Protected by: lock */
    struct page_list page_list; /* Protected by: lock */
    struct chain loose;         /* slots at hand.  Protected by: lock */
    size_t live;                /* objects out.  Protected by: lock */
};

/*
 * Sets up a zeroed cache and registers it.  `align` is a power of two up to
 * 4096.  False: a slot would not fit in a page.
 */
bool object_cache_init(struct object_cache *cache, const char *name,
                       size_t size, size_t align, void (*ctor)(void *object));

/* NULL = no memory. */
void *object_cache_alloc(struct object_cache *cache);

/* Fatal unless the object is one of the cache's, and in use. */
void object_cache_free(struct object_cache *cache, void *object);

/* Empty slabs back to the zone; bytes. */
size_t object_cache_shrink(struct object_cache *cache);

/* Shrinks and unregisters; false: objects are live, nothing changed. */
bool object_cache_destroy(struct object_cache *cache);

extern HIDDEN struct list_head object_caches; /* by struct object_cache.all */

/* For atfork: the registry, then every cache. */
void object_caches_lock(void);
void object_caches_unlock(void);
void object_caches_reset(void (*reset)(struct lock *lock));

#endif
