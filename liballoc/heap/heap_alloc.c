/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "arena/mmap_chunk.h"
#include "base/bits.h"
#include "base/lock.h"
#include "base/tunables.h"
#include "heap/bin.h"
#include "heap/remote.h"
#include "heap/run.h"

enum {
    TRIAL_BYTES = 4 * KIB,
};

static bool is_classic(void)
{
    return tunables.slab_max == 0;
}

/* A chunk straight from the arena of `heap`. */
static void *alloc_chunk(struct heap *heap, size_t size)
{
    heap_lock(heap);
    remote_collect_helper(heap);
    struct chunk *chunk = arena_alloc(&heap->arena, chunk_size_for(size));
    heap_unlock(heap);
    if (chunk == NULL)
        return NULL;
    mark_live(chunk_to_mem(chunk));
    return chunk_to_mem(chunk);
}

static void *alloc_run(size_t size, size_t align, bool *fresh)
{
    void *mem = run_alloc(size, align, fresh);

    if (mem != NULL && !*fresh)
        mark_live(mem);
    return mem;
}

/* Beyond the bins: by mmap from the threshold on, else from pages. */
static void *alloc_large(struct heap *heap, size_t size, bool *fresh)
{
    void *mem = NULL;

    if (size > PTRDIFF_MAX)
        return NULL;
    if (!mmap_chunk_wanted(size)) {
        mem = is_classic() ? alloc_chunk(heap, size)
                           : alloc_run(size, PAGE_BYTES, fresh);
    }
    if (mem == NULL)
        mem = mmap_chunk_alloc(size, CHUNK_HEADER, fresh);
    if (mem == NULL && size <= MEDIUM_MAX)
        mem = alloc_chunk(heap, size);
    return mem;
}

static void *alloc_binned(struct heap *heap, unsigned index)
{
    struct bin *bin = &heap->bins[index];
    void *mem = bin_pop(bin);

    if (mem != NULL)
        return mem;
    return bin_refill(heap, index) ? bin_pop(bin) : NULL;
}

/*
 * A class is on trial until the thread had slab_after objects of it, or as
 * many as the first page of a slab would hold: as chunks they share pages.
 */
static bool is_on_trial(struct heap *heap, unsigned index)
{
    if (index >= NSLAB || heap->trials[index] >= tunables.slab_after ||
        heap->trials[index] >= TRIAL_BYTES / size_class_bytes(index))
        return false;
    heap->trials[index]++;
    /* No slow event yet: none of a slab.  The slab caches, on a page that such
       a thread need not touch, would say the same. */
    return heap->cap[index] == 0;
}

static void *alloc_small(struct heap *heap, size_t size)
{
    unsigned index = bin_for(size);

    if (UNLIKELY(is_on_trial(heap, index)) || size > BINNED_MAX)
        return alloc_chunk(heap, size);
    return alloc_binned(heap, index);
}

static void *alloc_once(struct heap *heap, size_t size, bool *fresh)
{
    void *mem = NULL;

    if (size <= MEDIUM_MAX && !mmap_chunk_wanted(size))
        mem = alloc_small(heap, size);
    return mem != NULL ? mem : alloc_large(heap, size, fresh);
}

/* A thread without a heap of its own works in the shared one, by its lock. */
static void *alloc_shared(size_t size, bool *fresh)
{
    struct heap *heap = heap_shared();

    if (heap != NULL && size <= MEDIUM_MAX && !mmap_chunk_wanted(size)) {
        void *mem = alloc_chunk(heap, size);
        if (mem != NULL)
            return mem;
    }
    return heap != NULL ? alloc_large(heap, size, fresh) : NULL;
}

void *heap_alloc(size_t size, bool *fresh)
{
    struct heap *heap = heap_get();

    *fresh = false;
    size += size == 0;
    if (heap == NULL)
        return alloc_shared(size, fresh);
    void *mem = alloc_once(heap, size, fresh);
    if (mem == NULL && size <= PTRDIFF_MAX) {
        /* Out of memory: what the caches hold may be enough. */
        heap_trim(0);
        mem = alloc_once(heap, size, fresh);
    }
    heap_maintain(heap);
    return mem;
}

static void *alloc_chunk_aligned(struct heap *heap, size_t size, size_t align)
{
    heap_lock(heap);
    struct chunk *chunk =
        arena_alloc_aligned(&heap->arena, chunk_size_for(size), align);
    heap_unlock(heap);
    if (chunk == NULL)
        return NULL;
    mark_live(chunk_to_mem(chunk));
    return chunk_to_mem(chunk);
}

/*
 * Slabs serve aligned requests beyond slab_max too: cut from chunks, each
 * would leave a splinter before it.
 */
static void *aligned_once(struct heap *heap, size_t size, size_t align)
{
    void *mem = NULL;
    bool fresh;

    if (!is_classic() && size <= SLAB_MAX && align <= PAGE_BYTES &&
        thread_own == heap)
        return alloc_binned(heap, slab_class_aligned(size, align));
    if (!mmap_chunk_wanted(size)) {
        if (size <= MEDIUM_MAX && align <= MEDIUM_MAX) {
            mem = alloc_chunk_aligned(heap, size, align);
        } else if (!is_classic()) {
            mem = alloc_run(size, align, &fresh);
        }
    }
    return mem != NULL ? mem : mmap_chunk_alloc(size, align, &fresh);
}

void *heap_alloc_aligned(size_t size, size_t align)
{
    struct heap *heap = heap_get();

    size += size == 0;
    if (heap == NULL)
        heap = heap_shared();
    if (heap == NULL || size > PTRDIFF_MAX || align > PTRDIFF_MAX)
        return NULL;
    void *mem = aligned_once(heap, size, align);
    if (thread_own == heap)
        heap_maintain(heap);
    return mem;
}
