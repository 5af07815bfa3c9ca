/* SPDX-License-Identifier: MIT */
#include "slab/slab_cache.h"

#include "base/compiler.h"
#include "base/debug.h"
#include "base/list.h"
#include "layout/invariants.h"

enum {
    PARTIAL_SCAN = 8, /* partial slabs compared to find the fullest */
};

void slab_cache_init(struct slab_cache *cache, size_t size, unsigned cls)
{
    *cache = (struct slab_cache){
        .size = (uint32_t)size,
        .magic = divide_magic(size),
        .objs_page = (uint16_t)(PAGE_BYTES / size),
        .cls = (uint8_t)cls,
        .state = cls < NSLAB ? PAGE_SLAB : PAGE_CACHE,
    };
}

void slab_cache_set_colour(struct slab_cache *cache, size_t step)
{
    size_t waste = PAGE_BYTES - (size_t)cache->objs_page * cache->size;

    /* Both are kept in a byte: alignments above 2 KiB go without colour. */
    if (step / 16 > 128)
        return;
    cache->colour_step = (uint8_t)(step / 16);
    cache->colour_max =
        (uint8_t)(round_down(min_size(waste, 240 * 16), step) / 16);
}

/* The next slab starts its objects elsewhere in the cache lines. */
static void colour_advance(struct slab_cache *cache)
{
    unsigned next = (unsigned)cache->colour_next + cache->colour_step;

    cache->colour_next = (uint8_t)(next > cache->colour_max ? 0 : next);
}

static struct list_head *list_of(struct slab_cache *cache, unsigned which)
{
    if (which == SLAB_FULL)
        return &cache->full;
    return which == SLAB_PARTIAL ? &cache->partial : &cache->empty;
}

static void slab_move(struct slab_cache *cache, struct slab *slab,
                      enum slab_list to)
{
    if (slab->on_list != SLAB_ACTIVE)
        list_remove(&slab->lru);
    slab->on_list = (uint8_t)to;
    if (to != SLAB_ACTIVE)
        list_insert(list_of(cache, to), &slab->lru);
}

static struct slab *slab_create(struct slab_cache *cache,
                                const struct slab_source *from)
{
    struct page *page = page_list_alloc(from->lists[slab_order(cache->cls)]);

    if (page == NULL)
        return NULL;
    struct slab *slab = page_slab(page);
    slab_init(slab, cache, from->heap_id);
    colour_advance(cache);
    cache->nr_slabs++;
    uint32_t kind = cache->cls < NSLAB ? cache->cls : (uint32_t)KIND_CACHE;
    tag_set(page_zone(page), page_number(page), (size_t)1 << slab->order,
            tag_make(from->heap_id, kind));
    return slab;
}

/* Precondition: the slab is on no list. */
static void slab_release(struct slab_cache *cache,
                         const struct slab_source *from, struct slab *slab)
{
    struct page *page = slab_page(slab);

    ASSERT_HOLDS(2, slab_check(slab));
    cache->nr_slabs--;
    page_set_state(page, PAGE_NONE);
    page_list_free(from->lists[slab_order(cache->cls)], page);
}

/* The fullest of the first partial slabs: emptier ones may become free. */
static struct slab *fullest_partial(struct slab_cache *cache)
{
    struct slab *best = NULL;
    unsigned seen = 0;

    list_for_each (it, &cache->partial) {
        struct slab *slab = CONTAINER_OF(it, struct slab, lru);
        if (best == NULL || slab_listed(slab) < slab_listed(best))
            best = slab;
        if (++seen == PARTIAL_SCAN)
            break;
    }
    return best;
}

static bool slab_has_objects(const struct slab *slab)
{
    return slab != NULL &&
           (slab_listed(slab) > 0 || slab->carved < slab->nobjects);
}

/* A slab that has objects to give, as the active one; NULL = no memory. */
static struct slab *activate(struct slab_cache *cache,
                             const struct slab_source *from)
{
    struct slab *slab = cache->active;

    if (slab_has_objects(slab))
        return slab;
    if (slab != NULL) {
        slab_move(cache, slab, SLAB_FULL);
        cache->active = NULL;
    }
    slab = fullest_partial(cache);
    if (slab == NULL && list_first(&cache->empty) != NULL)
        slab = CONTAINER_OF(list_first(&cache->empty), struct slab, lru);
    if (slab != NULL) {
        slab_move(cache, slab, SLAB_ACTIVE);
    } else {
        slab = slab_create(cache, from);
    }
    cache->active = slab;
    return slab;
}

bool slab_cache_take(struct slab_cache *cache, const struct slab_source *from,
                     unsigned want, struct chain *chain)
{
    struct slab *slab = activate(cache, from);

    if (slab == NULL)
        return false;
    if (slab_listed(slab) > 0) {
        slab_take_listed(slab, chain);
    } else {
        slab_carve(slab, want, chain);
    }
    return true;
}

void slab_cache_settle(struct slab_cache *cache, const struct slab_source *from,
                       struct slab *slab)
{
    if (slab == cache->active)
        return;
    if (slab->inuse > 0) {
        if (slab->on_list == SLAB_FULL)
            slab_move(cache, slab, SLAB_PARTIAL);
        return;
    }
    /* One empty slab is kept when the active one is used up: it is next. */
    if (!slab_has_objects(cache->active) && list_is_empty(&cache->empty)) {
        slab_move(cache, slab, SLAB_EMPTY);
        return;
    }
    slab_move(cache, slab, SLAB_ACTIVE); /* off its list */
    slab_release(cache, from, slab);
}

void slab_cache_collect(struct slab_cache *cache,
                        const struct slab_source *from, struct slab *slab)
{
    if (slab_remote_take(slab) > 0)
        slab_cache_settle(cache, from, slab);
}

size_t slab_cache_shrink(struct slab_cache *cache,
                         const struct slab_source *from)
{
    size_t bytes = 0;
    struct list_head *first;

    while ((first = list_first(&cache->empty)) != NULL) {
        struct slab *slab = CONTAINER_OF(first, struct slab, lru);
        slab_move(cache, slab, SLAB_ACTIVE);
        bytes += slab_bytes(cache->cls);
        slab_release(cache, from, slab);
    }
    struct slab *active = cache->active;
    if (active != NULL && active->inuse == 0) {
        cache->active = NULL;
        bytes += slab_bytes(cache->cls);
        slab_release(cache, from, active);
    }
    return bytes;
}

static void walk_list(struct list_head *list,
                      void (*visit)(struct slab *slab, void *data), void *data)
{
    list_for_each (it, list)
        visit(CONTAINER_OF(it, struct slab, lru), data);
}

void slab_cache_walk(struct slab_cache *cache,
                     void (*visit)(struct slab *slab, void *data), void *data)
{
    if (cache->active != NULL)
        visit(cache->active, data);
    walk_list(&cache->partial, visit, data);
    walk_list(&cache->full, visit, data);
    walk_list(&cache->empty, visit, data);
}

/* What slab_cache_check() gathers on its walk. */
struct check {
    const char *wrong;
    const struct slab_cache *cache;
    unsigned slabs;
};

static void check_slab(struct slab *slab, void *data)
{
    struct check *check = data;
    bool is_full = slab_listed(slab) == 0 && slab->carved == slab->nobjects;

    check->slabs++;
    if (check->wrong == NULL)
        check->wrong = slab_check(slab);
    if (check->wrong == NULL && slab->cache != check->cache)
        check->wrong = invariant_broken(INVARIANT_SLAB_CACHE);
    if (check->wrong == NULL && slab->on_list == SLAB_EMPTY && slab->inuse > 0)
        check->wrong = invariant_broken(INVARIANT_SLAB_EMPTY);
    if (check->wrong == NULL && slab->on_list == SLAB_FULL && !is_full)
        check->wrong = invariant_broken(INVARIANT_SLAB_FULL);
}

const char *slab_cache_check(struct slab_cache *cache)
{
    struct check check = {.cache = cache};

    slab_cache_walk(cache, check_slab, &check);
    if (check.wrong == NULL && check.slabs != cache->nr_slabs)
        return invariant_broken(INVARIANT_SLAB_NUMBER);
    return check.wrong;
}
