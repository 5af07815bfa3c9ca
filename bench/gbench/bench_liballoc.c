/* SPDX-License-Identifier: MIT */
/*
 * liballoc's own caches and pages; malloc of the same sizes is in the families
 * malloc_free and pages_by_malloc.  Found at run time: the program runs with
 * every allocator and skips these without liballoc.
 */
#include "bench_google.h"

#include <dlfcn.h>
#include <liballoc.h>
#include <string.h>

enum { BATCH = 256, PAGE_BATCH = 16, BULK = 64 };

static struct {
    struct liballoc_cache *(*cache_create)(const char *name, size_t size,
                                           size_t align, unsigned flags,
                                           void (*ctor)(void *object));
    int (*cache_destroy)(struct liballoc_cache *cache);
    void *(*cache_alloc)(struct liballoc_cache *cache, unsigned flags);
    void (*cache_free)(struct liballoc_cache *cache, void *object);
    size_t (*cache_alloc_bulk)(struct liballoc_cache *cache, unsigned flags,
                               size_t n, void **out);
    void (*cache_free_bulk)(struct liballoc_cache *cache, size_t n,
                            void **objects);
    void *(*pages_alloc)(unsigned order, unsigned flags);
    void (*pages_free)(void *mem, unsigned order);
} api;

static bool api_found; /* before any thread is started */

/* ISO C knows no way from dlsym's object pointer to a function. */
static bool find(const char *name, void *function)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &found, sizeof found);
    return found != NULL;
}

void liballoc_find(void)
{
    api_found = find("liballoc_cache_create", &api.cache_create) &&
                find("liballoc_cache_destroy", &api.cache_destroy) &&
                find("liballoc_cache_alloc", &api.cache_alloc) &&
                find("liballoc_cache_free", &api.cache_free) &&
                find("liballoc_cache_alloc_bulk", &api.cache_alloc_bulk) &&
                find("liballoc_cache_free_bulk", &api.cache_free_bulk) &&
                find("liballoc_pages_alloc", &api.pages_alloc) &&
                find("liballoc_pages_free", &api.pages_free);
}

static bool api_ready(struct shim_state *state)
{
    if (!api_found)
        shim_skip(state, "needs liballoc");
    return api_found;
}

/* `extra`: flags of the cache.  Each thread has a cache of its own. */
static void cache_pair(struct shim_state *state,
                       const struct shim_benchmark *benchmark)
{
    size_t size = benchmark->size;
    if (!api_ready(state))
        return;
    struct liballoc_cache *cache =
        api.cache_create("bench", size, 0, benchmark->extra, NULL);
    for (unsigned n = 0; (n = shim_turns(state, BATCH)) > 0;) {
        while (n-- > 0) {
            void *object = api.cache_alloc(cache, 0);
            touch(object, size);
            api.cache_free(cache, object);
        }
    }
    api.cache_destroy(cache);
}

/* One turn is one object of a bulk. */
static void cache_bulk(struct shim_state *state,
                       const struct shim_benchmark *benchmark)
{
    void *objects[BULK];
    if (!api_ready(state))
        return;
    struct liballoc_cache *cache =
        api.cache_create("bench", benchmark->size, 0, 0, NULL);
    while (shim_turns(state, BULK) > 0) {
        if (api.cache_alloc_bulk(cache, 0, BULK, objects) != BULK)
            abort();
        for (unsigned i = 0; i < BULK; i++)
            touch(objects[i], benchmark->size);
        api.cache_free_bulk(cache, BULK, objects);
    }
    api.cache_destroy(cache);
}

/* `extra` is the order. */
static void pages_pair(struct shim_state *state,
                       const struct shim_benchmark *benchmark)
{
    unsigned order = benchmark->extra;
    if (!api_ready(state))
        return;
    for (unsigned n = 0; (n = shim_turns(state, PAGE_BATCH)) > 0;) {
        while (n-- > 0) {
            void *mem = api.pages_alloc(order, 0);
            touch(mem, LIBALLOC_PAGE_SIZE << order);
            api.pages_free(mem, order);
        }
    }
}

static void pages_by_malloc(struct shim_state *state,
                            const struct shim_benchmark *benchmark)
{
    size_t size = LIBALLOC_PAGE_SIZE << benchmark->extra;
    for (unsigned n = 0; (n = shim_turns(state, PAGE_BATCH)) > 0;) {
        while (n-- > 0) {
            void *mem = malloc(size);
            touch(mem, size);
            free(mem);
        }
    }
}

const struct shim_benchmark liballoc_benchmarks[] = {
    {"liballoc_cache", cache_pair, 64, 0, SHIM_MANY, 0},
    {"liballoc_cache", cache_pair, 256, 0, SHIM_MANY, 0},
    {"liballoc_cache", cache_pair, 1 * KIB, 0, SHIM_MANY, 0},
    {"liballoc_cache_unmerged", cache_pair, 256, 0, SHIM_MANY,
     LIBALLOC_NO_MERGE},
    {"liballoc_cache_bulk", cache_bulk, 64, 0, SHIM_MANY, 0},
    {"liballoc_pages/order:0", pages_pair, 0, 0, SHIM_MANY, 0},
    {"liballoc_pages/order:3", pages_pair, 0, 0, SHIM_MANY, 3},
    {"liballoc_pages/order:6", pages_pair, 0, 0, SHIM_ONE, 6},
    {"pages_by_malloc/order:0", pages_by_malloc, 0, 0, SHIM_MANY, 0},
    {"pages_by_malloc/order:3", pages_by_malloc, 0, 0, SHIM_MANY, 3},
    {"pages_by_malloc/order:6", pages_by_malloc, 0, 0, SHIM_ONE, 6},
    {NULL, NULL, 0, 0, SHIM_ONE, 0},
};
