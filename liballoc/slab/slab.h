/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_SLAB_SLAB_H
#define LIBALLOC_SLAB_SLAB_H
/*
 * One slab: carving, free list, object addresses, frees by other threads.
 * Layer: slab.  Locks: the owner's, but for slab_remote_push().
 * Source: Linux mm/slub.c (freelist in the objects, counters in the page).
 */
#include "base/atomic.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "layout/slab.h"
#include "page/page_map.h"

#include <stdbool.h>

/* Objects linked through struct free_object, NULL-terminated. */
struct chain {
    struct free_object *head;
    unsigned count;
    bool carved; /* new objects, never handed out before */
};

/* Secret of the in-object keys, set once at start. */
extern HIDDEN uintptr_t object_secret;

static inline uintptr_t object_key(const void *mem)
{
    return object_secret ^ (uintptr_t)mem;
}

/* Secret of the links of free objects, set once at start; 0 = plain links. */
extern HIDDEN uintptr_t link_secret;

/* New objects are cleared; set once at start. */
extern HIDDEN bool slab_zeroes;

static inline struct free_object *object_next(const struct free_object *object)
{
    uintptr_t mask = link_mask((uintptr_t)object, link_secret);

    return (struct free_object *)((uintptr_t)object->next ^ mask);
}

static inline void object_link(struct free_object *object, const void *next)
{
    uintptr_t mask = link_mask((uintptr_t)object, link_secret);

    object->next = (struct free_object *)((uintptr_t)next ^ mask);
}

static inline struct slab *page_slab(struct page *page)
{
    return (struct slab *)(void *)page;
}

static inline struct page *slab_page(struct slab *slab)
{
    return (struct page *)(void *)slab;
}

static inline uintptr_t slab_address(struct slab *slab)
{
    return (uintptr_t)page_mem(slab_page(slab));
}

/* Objects that may be handed out without carving. */
static inline unsigned slab_listed(const struct slab *slab)
{
    return (unsigned)slab->carved - slab->inuse;
}

/* The slab of a tagged slab page, which need not be its first. */
struct slab *slab_of(const struct page_ref *ref);

/* Address of object `index`. */
struct free_object *slab_object(struct slab *slab, unsigned index);

/* Index of the object that starts at `mem`; -1 if none starts there. */
int slab_index(struct slab *slab, uintptr_t mem);

/* False: the object at `mem` was never handed out. */
static inline bool slab_has_carved(const struct slab *slab, uintptr_t mem)
{
    /* stale ok: it only grows, and covers what was handed out */
    return (mem & (SLAB_BYTES_MAX - 1)) < load_relaxed(&slab->carved_to);
}

/* Lays out the objects of a fresh block of pages; none is touched. */
void slab_init(struct slab *slab, struct slab_cache *cache, uint32_t heap_id);

/*
 * All free objects of the slab that were out before; may be none.  All, for
 * cutting the list would mean walking it.
 */
void slab_take_listed(struct slab *slab, struct chain *chain);

/*
 * Carves new objects up to the next 4 KiB boundary, at least one and at most
 * `max`, in address order: memory is touched only as it is needed.
 * Precondition: carved < nobjects.
 */
void slab_carve(struct slab *slab, unsigned max, struct chain *chain);

/*
 * Links are plain: not in hardened mode.  Precondition: inuse > 0, and it is
 * an object of the slab, not free.
 */
static inline void slab_push_plain(struct slab *slab,
                                   struct free_object *object, uintptr_t key)
{
    object->next = slab->freelist;
    object->key = key;
    slab->freelist = object;
    slab->inuse--;
}

/* Puts one object back.  Precondition: slab_index(mem) was checked. */
static inline void slab_put(struct slab *slab, struct free_object *object)
{
    if (UNLIKELY(slab->inuse == 0))
        fatal("double free or corruption (slab)", object);
    object_link(object, slab->freelist);
    object->key = object_key(object);
    slab->freelist = object;
    slab->inuse--;
}

/*
 * Frees by threads that do not own the slab: a linked chain whose last object
 * is `tail`.  True: the slab had none before, the caller must announce it to
 * its owner.  Lock-free; any thread.
 */
bool slab_remote_push(struct slab *slab, struct chain chain,
                      struct free_object *tail);

/* The owner takes them all into its free list; how many. */
unsigned slab_remote_take(struct slab *slab);

/* NULL, or which property does not hold. */
const char *slab_check(struct slab *slab);

#endif
