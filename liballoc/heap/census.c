/* SPDX-License-Identifier: MIT */
#include "heap/census.h"

#include "arena/bins.h"
#include "arena/top.h"
#include "base/bits.h"
#include "base/lock.h"
#include "heap/bin.h"
#include "page/meta.h"
#include "page/zone.h"
#include "slab/slab_cache.h"

static void count_slab(struct slab *slab, void *data)
{
    struct heap_census *census = data;
    size_t size = slab->cache->size;

    census->slabs++;
    census->slab_bytes += slab_bytes(slab->cls);
    census->slab_out += slab->inuse * size;
    census->slab_free += (size_t)(slab->nobjects - slab->inuse) * size;
}

static void count_bins(const struct heap *heap, struct heap_census *census)
{
    for (unsigned index = 0; index < NHEAPBINS; index++) {
        const struct bin *bin = &heap->bins[index];
        size_t count = bin_count(bin) + bin->spare_count;
        size_t bytes = count * bin_bytes(index);
        census->fastbins += count;
        if (index < NSLAB) {
            census->bin_slab += bytes;
        } else {
            census->bin_chunk += bytes + count * CHUNK_HEADER;
        }
    }
}

static bool count_chunk(struct arena *arena, struct chunk *chunk, void *data)
{
    struct heap_census *census = data;

    (void)arena;
    (void)chunk;
    census->chunks_free++;
    return true;
}

void census_heap(struct heap *heap, struct heap_census *census)
{
    *census = (struct heap_census){0};
    for (unsigned cls = 0; cls < NSLAB; cls++)
        slab_cache_walk(&heap->slab_caches[cls], count_slab, census);
    census->system = heap->arena.system_mem;
    census->brk = heap->arena.brk.end - heap->arena.brk.start;
    for (size_t i = 0; i < heap->arena.nr_brk_old; i++) {
        census->brk +=
            heap->arena.brk_old[i].end - heap->arena.brk_old[i].start;
    }
    census->chunk_free = heap->arena.free_bytes;
    census->top = top_size(&heap->arena);
    bins_walk(&heap->arena, count_chunk, census);
    count_bins(heap, census);
    if (heap->quarantine != NULL)
        census->quarantine = heap->quarantine->bytes;
}

/* One block of pages; how many. */
static size_t count_block(const struct page *page, struct page_census *census)
{
    size_t npages = (size_t)1 << page->order;

    switch (page_state(page)) {
    case PAGE_BUDDY:
        break;
    case PAGE_PCP:
        census->listed += npages << PAGE_SHIFT;
        break;
    case PAGE_SLAB:
        break;
    case PAGE_CACHE:
        census->cache += npages << PAGE_SHIFT;
        census->cache_slabs++;
        break;
    case PAGE_ARENA:
        npages = page->npages;
        break;
    case PAGE_RUN:
        npages = page->npages;
        census->run += npages << PAGE_SHIFT;
        break;
    case PAGE_USER:
        npages = page->npages;
        census->user += npages << PAGE_SHIFT;
        break;
    case PAGE_NONE:
        npages = 1;
        break;
    }
    return npages > 0 ? npages : 1;
}

static void count_zone(struct zone *zone, struct page_census *census)
{
    lock_acquire(&zone->lock);
    for (size_t pfn = zone->first; pfn < zone->frontier;)
        pfn += count_block(&zone->pages[pfn], census);
    size_t pages = zone->frontier - zone->first;
    census->committed += pages << PAGE_SHIFT;
    census->live += (pages - zone->buddy.nr_free) << PAGE_SHIFT;
    census->dirty += zone->nr_dirty << PAGE_SHIFT;
    census->clean += (zone->buddy.nr_free - zone->nr_dirty) << PAGE_SHIFT;
    census->metadata += pages * (sizeof(struct page) + sizeof(uint32_t));
    lock_release(&zone->lock);
}

void census_pages(struct page_census *census)
{
    *census = (struct page_census){.metadata = meta_bytes()};
    /* acquire: pairs with the release in zone_add() */
    for (unsigned i = load_acquire(&zone_count); i-- > 0;)
        count_zone(&zones[i], census);
}
