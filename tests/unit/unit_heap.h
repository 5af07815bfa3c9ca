/* SPDX-License-Identifier: MIT */
#ifndef UNIT_HEAP_H
#define UNIT_HEAP_H
/*
 * What tests of the heap layer share: the start that api/init.c makes, and a
 * check of all structures of the calling thread's heap.
 */
#include "unit_page.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "arena/mmap_chunk.h"
#include "base/tunables.h"
#include "heap/bin.h"
#include "heap/heap.h"
#include "heap/remote.h"
#include "heap/thread_exit.h"
#include "os/os_barrier.h"
#include "slab/slab_cache.h"

#include <pthread.h>
#include <semaphore.h>

/* False when there is no memory for it. */
UNUSED static bool heap_try_start(void)
{
    chunk_secret = 0x9e3779b97f4a7c15u;
    os_membarrier_init();
    thread_exit_init();
    return zone_init() && registry_init();
}

/* Without trials: what fits in slabs comes from slabs. */
UNUSED static void heap_start(void)
{
    tunables.slab_after = 0;
    REQUIRE(heap_try_start());
}

/* Classic mode: every request a chunk. */
UNUSED static void heap_start_classic(void)
{
    tunables.slab_max = 0;
    tunables.mmap_threshold = 128 * KIB;
    heap_start();
}

UNUSED static void *get(size_t size)
{
    bool fresh;

    return heap_alloc(size, &fresh);
}

UNUSED static size_t usable(const void *mem)
{
    struct block block;

    block_find(mem, &block);
    return block.usable;
}

UNUSED static enum block_kind kind_of(const void *mem)
{
    struct block block;

    block_find(mem, &block);
    return block.kind;
}

/* The chain of a bin is as long as its counters say. */
UNUSED static void check_bin(const struct bin *bin)
{
    size_t count = 0;
    size_t spare = 0;

    for (struct free_object *it = bin->head; it != NULL; it = it->next)
        count++;
    /* With spare_count 0 the spare is only the mark of a drained bin. */
    struct free_object *first = bin->spare_count > 0 ? bin->spare : NULL;
    for (struct free_object *it = first; it != NULL; it = it->next)
        spare++;
    CHECK_EQ(bin_count(bin), count);
    CHECK_EQ(bin->spare_count, spare);
    CHECK(bin->room >= 0);
}

/* No other thread may be at work in it. */
UNUSED static void check_heap(struct heap *heap)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        if (heap->slab_caches[cls].size != 0)
            CHECK_NULL_TEXT(slab_cache_check(&heap->slab_caches[cls]));
    }
    for (unsigned i = 0; i < NHEAPBINS; i++)
        check_bin(&heap->bins[i]);
    CHECK_NULL_TEXT(arena_check(&heap->arena));
    check_zones();
}

UNUSED static void run_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, body, arg) == 0);
    pthread_join(thread, NULL);
}

#endif
