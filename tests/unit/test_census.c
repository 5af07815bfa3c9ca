/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

#include "heap/census.h"
#include "slab/object_cache.h"

enum { MANY = 5000 };

static void *blocks[MANY];
static size_t slab_live;  /* bytes of live slab objects */
static size_t chunk_live; /* bytes of live chunks, headers included */

static void note(const void *mem, bool is_live)
{
    struct block block;

    block_find(mem, &block);
    size_t bytes = block.usable + (block.kind == BLOCK_CHUNK ? 8 : 0);
    size_t *sum = block.kind == BLOCK_SLAB    ? &slab_live
                  : block.kind == BLOCK_CHUNK ? &chunk_live
                                              : NULL;
    if (sum != NULL)
        *sum += is_live ? bytes : -bytes;
}

static void make_heap(void)
{
    for (int i = 0; i < MANY; i++) {
        blocks[i] = get(random_below(i % 50 == 0 ? 600000 : 9000));
        REQUIRE(blocks[i] != NULL);
        note(blocks[i], true);
    }
    for (int i = 0; i < MANY; i += 3) {
        note(blocks[i], false);
        heap_free(blocks[i]);
    }
}

/* Bytes of the chunks in the heap's bins, by their headers. */
static size_t chunks_in_bins(const struct heap *heap)
{
    size_t bytes = 0;

    for (unsigned i = NSLAB; i < NHEAPBINS; i++) {
        const struct bin *bin = &heap->bins[i];
        for (struct free_object *it = bin->head; it != NULL; it = it->next)
            bytes += chunk_size(mem_to_chunk(it));
        struct free_object *spare = bin->spare_count > 0 ? bin->spare : NULL;
        for (struct free_object *it = spare; it != NULL; it = it->next)
            bytes += chunk_size(mem_to_chunk(it));
    }
    return bytes;
}

TEST_CHILD(census, slabs_add_up)
{
    struct heap_census census;

    heap_start();
    make_heap();
    heap_lock(thread_own);
    census_heap(thread_own, &census);
    heap_unlock(thread_own);
    size_t bytes = 0;
    for (unsigned cls = 0; cls < NSLAB; cls++)
        bytes += thread_own->slab_caches[cls].nr_slabs * slab_bytes(cls);
    CHECK_EQ(census.slab_bytes, bytes);
    CHECK(census.slab_out + census.slab_free <= census.slab_bytes);
    CHECK_EQ(census.slab_out - census.bin_slab, slab_live);
}

TEST_CHILD(census, chunks_add_up)
{
    struct heap_census census;

    heap_start();
    make_heap();
    heap_lock(thread_own);
    census_heap(thread_own, &census);
    heap_unlock(thread_own);
    size_t rest = census.system - census.chunk_free - census.top -
                  chunks_in_bins(thread_own) - chunk_live;
    /* What is left are the closing headers, one a segment. */
    CHECK(rest < 200 * CHUNK_HEADER);
    CHECK_EQ(rest % CHUNK_HEADER, 0);
    CHECK(census.bin_chunk <= chunks_in_bins(thread_own));
}

TEST_CHILD(census, pages_add_up)
{
    struct heap_census heap;
    struct page_census pages;
    static struct object_cache cache;

    heap_start();
    make_heap();
    REQUIRE(object_cache_init(&cache, "census", 100, 16, NULL));
    CHECK(object_cache_alloc(&cache) != NULL);
    heap_lock(thread_own);
    census_heap(thread_own, &heap);
    heap_unlock(thread_own);
    census_pages(&pages);
    CHECK_EQ(pages.committed, pages.live + pages.dirty + pages.clean);
    CHECK_EQ(pages.live, zone_live_pages() << PAGE_SHIFT);
    CHECK_EQ(pages.cache, slab_bytes(NSLAB));
    CHECK_EQ(pages.live, heap.slab_bytes + (heap.system - heap.brk) +
                             pages.run + pages.user + pages.cache +
                             pages.listed);
    CHECK(pages.metadata > 0);
}

TEST_CHILD(census, an_empty_heap_counts_nothing)
{
    struct heap_census census;

    heap_start();
    census_heap(thread_own, &census);
    CHECK_EQ(census.slabs, 0);
    CHECK_EQ(census.slab_out, 0);
    CHECK_EQ(census.system, 0);
    CHECK_EQ(census.fastbins, 0);
}

TEST_CHILD(census, everything_freed_and_trimmed_counts_nothing)
{
    struct heap_census census;

    heap_start();
    make_heap();
    for (int i = 0; i < MANY; i++) {
        if (i % 3 != 0)
            heap_free(blocks[i]);
    }
    heap_trim(0);
    census_heap(thread_own, &census);
    CHECK_EQ(census.slab_out, 0);
    CHECK_EQ(census.fastbins, 0);
    CHECK_EQ(census.bin_slab + census.bin_chunk, 0);
    CHECK(census.top < 64 * KIB);
}
