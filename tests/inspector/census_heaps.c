/* SPDX-License-Identifier: MIT */
/* Heaps: bins, slabs by class, what is on its way home. */
#include "census.h"

#include <stdlib.h>

enum {
    CHAIN_MAX = 1 << 20,
};

/* A chain of free objects: each must carry its mark; false if not. */
static bool chain_is(const struct target *target, uintptr_t mem, size_t count)
{
    size_t seen = 0;

    for (; mem != 0 && seen <= CHAIN_MAX; seen++) {
        struct free_object object;
        if (!census_is_marked(target, mem) ||
            !far_read(target, mem, &object, sizeof object))
            return false;
        mem = far_address(&object.next);
    }
    return seen == count;
}

static void count_bins(const struct target *target, const struct heap *heap,
                       uintptr_t heap_at, struct census *census)
{
    for (unsigned cls = 0; cls < NHEAPBINS; cls++) {
        const struct bin *bin = &heap->bins[cls];
        size_t count = (size_t)(bin->limit - bin->room);
        if (bin->limit < bin->room ||
            !chain_is(target, far_address(&bin->head), count) ||
            !(bin->spare_count == 0 ||
              chain_is(target, far_address(&bin->spare), bin->spare_count))) {
            census_fault(census, "bin: count or mark of its objects",
                         heap_at + offsetof(struct heap, bins) +
                             cls * sizeof *bin);
            continue;
        }
        if (cls < NSLAB)
            census->binned[cls] += count + bin->spare_count;
    }
}

/* Batches of this heap's frees of other heaps' slab objects. */
static void count_batches(const struct target *target, const struct heap *heap,
                          struct census *census)
{
    for (unsigned i = 0; i < NREMOTE; i++) {
        uintptr_t at = far_address(&heap->remote[i].slab);
        struct slab slab;
        if (at == 0)
            continue;
        if (!far_read(target, at, &slab, sizeof slab) || slab.cls >= NSLAB) {
            census_fault(census, "remote: batch for no slab", at);
            continue;
        }
        census->travelling[slab.cls] += heap->remote[i].count;
    }
}

/* One slab of `heap`; `cache_at` is where it must point back to. */
static void count_slab(const struct target *target, uintptr_t at,
                       const struct heap *heap, unsigned cls,
                       uintptr_t cache_at, struct census *census)
{
    struct slab slab;

    if (!far_read(target, at, &slab, sizeof slab) || slab.state != PAGE_SLAB ||
        slab.heap_id != heap->id || slab.cls != cls ||
        far_address(&slab.cache) != cache_at || slab.inuse > slab.carved ||
        slab.carved > slab.nobjects) {
        census_fault(census, "slab: not one of its cache", at);
        return;
    }
    census->slabs++;
    census->live[cls] += slab.inuse;
    census->travelling[cls] += slab.remote >> 16;
}

static size_t walk_slabs(const struct target *target, uintptr_t head,
                         const struct heap *heap, unsigned cls,
                         uintptr_t cache_at, struct census *census)
{
    struct list_walk walk = list_walk_start(target, head);
    size_t count = 0;
    uintptr_t link;

    while ((link = list_walk_next(&walk)) != 0) {
        count_slab(target, link - offsetof(struct slab, lru), heap, cls,
                   cache_at, census);
        count++;
    }
    if (walk.broken)
        census_fault(census, "slab cache: broken list", head);
    return count;
}

static void count_slabs(const struct target *target, const struct heap *heap,
                        uintptr_t heap_at, struct census *census)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        const struct slab_cache *cache = &heap->slab_caches[cls];
        uintptr_t at =
            heap_at + offsetof(struct heap, slab_caches) + cls * sizeof *cache;
        uintptr_t active = far_address(&cache->active);
        size_t slabs = active != 0;
        if (active != 0)
            count_slab(target, active, heap, cls, at, census);
        slabs += walk_slabs(target, at + offsetof(struct slab_cache, partial),
                            heap, cls, at, census);
        slabs += walk_slabs(target, at + offsetof(struct slab_cache, full),
                            heap, cls, at, census);
        slabs += walk_slabs(target, at + offsetof(struct slab_cache, empty),
                            heap, cls, at, census);
        if (slabs != cache->nr_slabs)
            census_fault(census, "slab cache: nr_slabs differs", at);
        if (slabs > 0 && cache->size != size_class_bytes(cls))
            census_fault(census, "slab cache: size of its class", at);
    }
}

/* The epoch is even at rest, odd while the owner changes things; helping is odd
   while another thread does. */
static bool epoch_moved(const struct target *target, uintptr_t heap_at,
                        const struct heap *heap)
{
    uint32_t now;

    return (heap->epoch & 1) != 0 || (heap->helping & 1) != 0 ||
           !far_read(target, heap_at + offsetof(struct heap, epoch), &now,
                     sizeof now) ||
           now != heap->epoch;
}

static void census_heap(const struct target *target, uint32_t id,
                        struct heap *heap, struct census *census)
{
    const struct root_table *heaps = &target->root.heaps;
    uintptr_t at = 0;

    if (!far_read(target,
                  far_address(&heaps->start) + (size_t)id * heaps->stride, &at,
                  sizeof at) ||
        !far_read(target, at, heap, sizeof *heap) || heap->id != id) {
        census_fault(census, "heap: unreadable, or not of its id", at);
        return;
    }
    census->heaps++;
    census->heaps_idle += heap->state == HEAP_IDLE;
    count_bins(target, heap, at, census);
    count_batches(target, heap, census);
    count_slabs(target, heap, at, census);
    census_arena(target, heap, at + offsetof(struct heap, arena), census);
    census->torn += epoch_moved(target, at, heap);
}

void census_heaps(const struct target *target, struct census *census)
{
    uint32_t count = 0;
    struct heap *heap = malloc(sizeof *heap);

    if (heap == NULL ||
        !far_read(target, far_address(&target->root.heap_count), &count,
                  sizeof count) ||
        count > target->root.heaps.count) {
        census_fault(census, "root: heap_count", 0);
    } else {
        for (uint32_t id = 1; id < count; id++)
            census_heap(target, id, heap, census);
    }
    free(heap);
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        size_t away = census->binned[cls] + census->travelling[cls];
        if (census->live[cls] < away)
            census_fault(census, "slab: more objects free than out", cls);
        census->live[cls] -= away;
    }
}
