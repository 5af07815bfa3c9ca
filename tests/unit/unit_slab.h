/* SPDX-License-Identifier: MIT */
#ifndef UNIT_SLAB_H
#define UNIT_SLAB_H
/*
 * What tests of the slab layer share: one cache on a page list of its own.
 */
#include "unit_page.h"

#include "slab/slab_cache.h"

enum { OWNER = 7 }; /* heap id */

static struct page_list page_lists[SLAB_ORDERS];
static struct slab_cache cache;
static const struct slab_source source = {{&page_lists[0], &page_lists[1]},
                                          OWNER};

/* A cache of size class `cls`, the page layer set up if need be. */
UNUSED static void cache_start(unsigned cls)
{
    if (zone_count == 0)
        REQUIRE(zone_init());
    object_secret = 0x1234567890abcdf1u;
    for (unsigned order = 0; order < SLAB_ORDERS; order++)
        page_list_init(&page_lists[order], order, 1, 4);
    slab_cache_init(&cache, size_class_bytes(cls), cls);
}

/* A slab of the cache outside of its lists. */
UNUSED static struct slab *slab_alone(void)
{
    struct page *page = page_list_alloc(&page_lists[slab_order(cache.cls)]);

    REQUIRE(page != NULL);
    slab_init(page_slab(page), &cache, OWNER);
    return page_slab(page);
}

/* Takes the first object off a chain. */
UNUSED static struct free_object *chain_pop(struct chain *chain)
{
    struct free_object *object = chain->head;

    if (object != NULL) {
        chain->head = object->next;
        chain->count--;
    }
    return object;
}

UNUSED static bool is_in_slab(const void *mem)
{
    struct page_ref ref;

    return page_lookup((uintptr_t)mem, &ref) && slab_of(&ref) != NULL;
}

/* The slab that `mem` lies in; the case ends when there is none. */
UNUSED static struct slab *slab_by_mem(const void *mem)
{
    struct page_ref ref;
    struct slab *slab = NULL;

    if (page_lookup((uintptr_t)mem, &ref))
        slab = slab_of(&ref);
    REQUIRE(slab != NULL);
    return slab;
}

#endif
