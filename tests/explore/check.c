/* SPDX-License-Identifier: MIT */
/*
 * What must hold at the end of every schedule: nothing is lost, nothing is
 * doubled, no lock is left held, every heap is somebody's or can be adopted.
 */
#include "scenario.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "arena/segment.h"
#include "heap/bin.h"
#include "heap/heap.h"
#include "heap/remote.h"
#include "page/page_list.h"
#include "page/zone.h"
#include "slab/slab_cache.h"

#include <stdio.h>
#include <string.h>

static void holds(uint32_t id, const char *wrong)
{
    if (wrong != NULL)
        explore_fail("heap %u: %s", id, wrong);
}

static void check_locks(struct heap *heap)
{
    if (heap->lock.state != 0 || (heap->epoch & 1) != 0 ||
        (heap->helping & 1) != 0 || heap->by_lock != 0)
        explore_fail("heap %u: its lock is held", heap->id);
}

static void check_structures(struct heap *heap)
{
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        if (heap->slab_caches[cls].size != 0)
            holds(heap->id, slab_cache_check(&heap->slab_caches[cls]));
    }
    holds(heap->id, arena_check(&heap->arena));
}

/* What others freed is taken, and then nothing is pending. */
static void collect(struct heap *heap)
{
    heap_lock_remote(heap);
    remote_collect_helper(heap);
    heap_unlock_remote(heap);
    if (heap->pending != NULL || heap->pending_chunks != NULL)
        explore_fail("heap %u: something stays pending", heap->id);
    check_structures(heap);
}

/* All that is free goes down: an object that is lost keeps its slab. */
static void drain(struct heap *heap)
{
    struct slab_source from = heap_slab_source(heap);

    heap_lock_remote(heap);
    for (unsigned index = 0; index < NHEAPBINS; index++)
        bin_flush_locked(heap, index);
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        if (heap->slab_caches[cls].size == 0)
            continue;
        slab_cache_shrink(&heap->slab_caches[cls], &from);
        if (heap->slab_caches[cls].nr_slabs != 0)
            explore_fail("heap %u: a free object is lost", heap->id);
    }
    heap_drain_pages(heap);
    heap_unlock_remote(heap);
    check_structures(heap);
}

static void check_free(struct arena *arena, struct segment segment, void *data)
{
    uintptr_t last = segment.end - CHUNK_HEADER;

    (void)data;
    for (struct chunk *chunk = chunk_at(segment.start); (uintptr_t)chunk < last;
         chunk = chunk_next(chunk)) {
        if (chunk != arena->top && !chunk_is_free(chunk))
            explore_fail("heap %u: a free chunk is lost", arena->heap_id);
    }
}

/* New threads get each idle heap once, and then a heap of their own. */
static void check_idle(void)
{
    uint32_t count = heap_count;
    uint32_t nr_idle = 0;

    for (uint32_t id = 1; id < count; id++)
        nr_idle += heap_by_id(id)->state == HEAP_IDLE;
    for (uint32_t i = 0; i <= nr_idle; i++) {
        thread_forget_tls();
        struct heap *heap = heap_get();
        bool is_new = heap->id == count;
        if (is_new != (i == nr_idle))
            explore_fail("%u idle heaps, adopted %u times", nr_idle, i);
        for (int t = 0; t < NTHREADS; t++) {
            if (*(struct heap **)thread_tls_of(t, &thread_own) == heap)
                explore_fail("heap %u was adopted twice", heap->id);
        }
    }
}

void scenario_check(void)
{
    size_t system = 0;

    if (registry_lock.state != 0 || zones[0].lock.state != 0)
        explore_fail("a lock is held");
    for (uint32_t id = 1; id < heap_count; id++) {
        check_locks(heap_by_id(id));
        collect(heap_by_id(id));
    }
    for (int i = 0; i < NBLOCKS; i++) {
        if (blocks[i] != NULL)
            scenario_free(blocks[i]);
    }
    for (uint32_t id = 1; id < heap_count; id++)
        remote_flush(heap_by_id(id));
    for (uint32_t id = 1; id < heap_count; id++) {
        struct heap *heap = heap_by_id(id);
        collect(heap);
        drain(heap);
        segment_walk(&heap->arena, check_free, NULL);
        system += heap->arena.system_mem;
    }
    holds(0, zone_check(&zones[0]));
    if (zone_live_pages() << PAGE_SHIFT != system)
        explore_fail("%zu pages are lost",
                     zone_live_pages() - (system >> PAGE_SHIFT));
    check_idle();
}

/* Fields of a heap that threads share. */
static const char *field_of(const struct heap *heap, uintptr_t offset)
{
    static const struct {
        size_t offset;
        const char *name;
    } fields[] = {
        {offsetof(struct heap, pending), "pending"},
        {offsetof(struct heap, pending_chunks), "pending_chunks"},
        {offsetof(struct heap, pending_bytes), "pending_bytes"},
        {offsetof(struct heap, lock.state), "lock"},
        {offsetof(struct heap, epoch), "epoch"},
        {offsetof(struct heap, helping), "helping"},
    };

    (void)heap;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (fields[i].offset == offset)
            return fields[i].name;
    }
    return "?";
}

const char *scenario_name_of(const volatile void *at)
{
    static char text[64];
    uintptr_t address = (uintptr_t)at;
    struct zone *zone = &zones[0];
    size_t pfn = (address - (uintptr_t)zone->pages) / sizeof(struct page);

    for (uint32_t id = 1; id < heap_count; id++) {
        const struct heap *heap = heap_by_id(id);
        uintptr_t offset = address - (uintptr_t)heap;
        if (offset < sizeof *heap) {
            snprintf(text, sizeof text, "heap %u %s", id,
                     field_of(heap, offset));
            return text;
        }
    }
    if (at == &registry_lock.state)
        return "registry lock";
    if (at == &zone->lock.state)
        return "zone lock";
    if (address >= (uintptr_t)blocks && address < (uintptr_t)(blocks + NBLOCKS))
        return "a block in flight";
    if (pfn < zone->npages && address > (uintptr_t)zone->pages) {
        snprintf(text, sizeof text, "slab %zu + %zu", pfn - zone->first,
                 (size_t)(address % sizeof(struct page)));
        return text;
    }
    snprintf(text, sizeof text, "%p", (const void *)(uintptr_t)at);
    return at == NULL ? "" : text;
}
