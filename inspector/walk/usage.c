/* SPDX-License-Identifier: MIT */
#include "walk/usage.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

static void count_slab(const struct block *block, struct heap_use *heap)
{
    const struct slab *slab = block->slab;

    heap->slab_bytes += block->size;
    if (slab->cls >= NSLAB || slab->carved > slab->nobjects ||
        slab->inuse > slab->carved)
        return;
    struct class_use *use = &heap->classes[slab->cls];
    use->slabs++;
    use->full += slab->on_list == SLAB_FULL;
    use->partial += slab->on_list == SLAB_PARTIAL;
    use->empty += slab->on_list == SLAB_EMPTY;
    use->active += slab->on_list == SLAB_ACTIVE;
    use->objects += slab->nobjects;
    use->carved += slab->carved;
    use->inuse += slab->inuse;
    use->one_live += slab->inuse == 1;
    use->remote += slab->remote >> 16;
}

static void count_cache(const struct model *model, const struct block *block,
                        struct usage *usage)
{
    const struct model_cache *cache =
        model_cache(model, FAR_ADDRESS(block->slab->cache));

    usage->cache_slots += block->slab->nobjects;
    usage->cache_inuse += block->slab->inuse;
    if (cache != NULL && cache->slabs.size <= PAGE_BYTES)
        usage->cache_live += (size_t)block->slab->inuse * cache->slabs.size;
}

static size_t clean_pages(const struct block *block)
{
    size_t npages = block->size >> PAGE_SHIFT;
    size_t clean = 0;

    for (size_t i = 0; i < npages; i++)
        clean += !zone_is_dirty(block->zone, block->pfn + i);
    return clean;
}

static struct heap_use *use_of(const struct usage *usage, uint32_t heap_id)
{
    return heap_id < usage->nheaps ? &usage->heaps[heap_id] : NULL;
}

static void count_block(const struct model *model, const struct block *block,
                        struct usage *usage)
{
    struct heap_use *heap = use_of(usage, block->heap_id);

    usage->bytes[block->kind] += block->size;
    usage->blocks[block->kind]++;
    if (block->kind == BLOCK_FREE) {
        usage->clean += clean_pages(block) << PAGE_SHIFT;
    } else if (block->kind == BLOCK_CACHE) {
        count_cache(model, block, usage);
    } else if (block->kind == BLOCK_SLAB && heap != NULL) {
        count_slab(block, heap);
    } else if (block->kind == BLOCK_SEGMENT && heap != NULL) {
        heap->segments++;
        heap->segment_bytes += block->size;
        if (block->pfn == SIZE_MAX)
            heap->brk_bytes += block->size;
    }
}

static void count_bins(const struct heap *heap, struct heap_use *use)
{
    for (unsigned i = 0; i < NHEAPBINS; i++) {
        const struct bin *bin = &heap->bins[i];
        size_t count = heap->cap[i] != 0 ? bin_count(bin) : 0;
        if (i < NSLAB) {
            use->classes[i].binned += count;
            use->classes[i].spare += bin->spare_count;
            continue;
        }
        count += bin->spare_count;
        use->chunks_cached += count;
        use->chunk_cached +=
            count * (size_class_bytes(i - NSLAB) + CHUNK_HEADER);
    }
}

/* Batches belong to the slab they go to. */
static void count_batches(const struct model *model, const struct heap *heap,
                          struct usage *usage)
{
    struct heap_use *own = use_of(usage, heap->id);

    if (own == NULL)
        return;
    for (unsigned i = 0; i < NREMOTE; i++) {
        const struct remote_batch *batch = &heap->remote[i];
        uintptr_t address = FAR_ADDRESS(batch->head);
        struct block block;
        if (FAR_ADDRESS(batch->slab) == 0 || address == 0 ||
            !block_at(model, address, &block) || block.kind != BLOCK_SLAB ||
            block.slab->cls >= NSLAB)
            continue;
        struct heap_use *home = use_of(usage, block.heap_id);
        if (home != NULL)
            home->classes[block.slab->cls].batched += batch->count;
        own->sending += batch->count;
        own->sending_bytes += batch->bytes;
    }
    for (unsigned i = 0; i < NREMOTE_CHUNK; i++) {
        if (FAR_ADDRESS(heap->remote_chunk[i].head) == 0)
            continue;
        own->sending += heap->remote_chunk[i].count;
        own->sending_bytes += heap->remote_chunk[i].bytes;
    }
}

size_t top_bytes(const struct model *model, const struct model_heap *heap)
{
    uintptr_t top = FAR_ADDRESS(heap->heap.arena.top);
    size_t word;
    struct block block;

    if (top == 0 || !block_at(model, top, &block) ||
        block.kind != BLOCK_SEGMENT ||
        !far_read(model->target, top + sizeof word, &word, sizeof word) ||
        (word ^ chunk_word_sum(top, word, model->chunk_secret)) >>
                CHUNK_SUM_SHIFT !=
            0)
        return 0;
    size_t left = block.start + block.size - top;
    size_t size = chunk_word_size(word);
    return size < left ? size : left;
}

static void sum_classes(struct heap_use *use)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        const struct class_use *it = &use->classes[cls];
        size_t size = size_class_bytes(cls);
        use->slab_live += class_live(it) * size;
        use->slab_cached += class_cached(it) * size;
    }
}

/* [0] becomes the sum: all members are size_t. */
static void sum_heaps(struct usage *usage)
{
    size_t *sum = (size_t *)(void *)&usage->heaps[0];
    size_t words = sizeof usage->heaps[0] / sizeof *sum;

    for (size_t id = 1; id < usage->nheaps; id++) {
        const size_t *one = (const size_t *)(const void *)&usage->heaps[id];
        for (size_t i = 0; i < words; i++)
            sum[i] += one[i];
    }
}

static void count_heap(const struct model *model, const struct model_heap *heap,
                       struct usage *usage)
{
    struct heap_use *use = use_of(usage, heap->heap.id);

    count_bins(&heap->heap, use);
    count_batches(model, &heap->heap, usage);
    use->free_chunks = heap->heap.arena.free_bytes;
    use->top = top_bytes(model, heap);
    for (unsigned order = 0; order < SLAB_ORDERS; order++) {
        use->listed += ((size_t)heap->heap.page_lists[order].count << order)
                       << PAGE_SHIFT;
    }
}

struct usage *usage_count(const struct model *model)
{
    struct usage *usage = xcalloc(1, sizeof *usage);
    struct block_walk walk;
    struct block block;

    usage->nheaps = model->nheaps + 1;
    usage->heaps = xcalloc(usage->nheaps, sizeof *usage->heaps);
    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block))
        count_block(model, &block, usage);
    for (size_t i = 0; i < model->nheaps; i++) {
        if (model->heaps[i].address != 0)
            count_heap(model, &model->heaps[i], usage);
    }
    for (size_t id = 1; id < usage->nheaps; id++)
        sum_classes(&usage->heaps[id]);
    sum_heaps(usage);
    return usage;
}

void usage_free(struct usage *usage)
{
    if (usage == NULL)
        return;
    free(usage->heaps);
    free(usage);
}

size_t usage_live(const struct usage *usage)
{
    const struct heap_use *all = &usage->heaps[0];
    size_t chunks = all->segment_bytes;
    size_t idle = all->free_chunks + all->top + all->chunk_cached;

    chunks = chunks > idle ? chunks - idle : 0;
    return all->slab_live + chunks + usage->cache_live +
           usage->bytes[BLOCK_RUN] + usage->bytes[BLOCK_USER] +
           usage->bytes[BLOCK_MMAP] + usage->bytes[BLOCK_GUARDED];
}
