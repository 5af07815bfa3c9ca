/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "arena/mmap_chunk.h"
#include "base/debug.h"
#include "heap/bin.h"
#include "heap/remote.h"
#include "heap/run.h"

/* Onto the bin, or past it. */
static void free_binned(struct heap *heap, unsigned index, void *mem)
{
    struct bin *bin = &heap->bins[index];

    if (bin->room > 0) {
        bin_push(bin, mem);
    } else {
        bin_spill(heap, index, mem);
    }
}

/* A chunk of the thread's own heap. */
static void free_chunk(struct heap *heap, void *mem)
{
    struct chunk *chunk = mem_to_chunk(mem);
    unsigned index = bin_for_chunk(chunk_size(chunk) - CHUNK_HEADER);

    if (index < NHEAPBINS) {
        free_binned(heap, index, mem);
        return;
    }
    heap_lock(heap);
    arena_free(&heap->arena, chunk);
    heap_unlock(heap);
}

static void free_block(struct heap *heap, void *mem, const struct block *block)
{
    bool is_own = heap != NULL && heap->id == block->owner_id;

    switch (block->kind) {
    case BLOCK_SLAB:
        if (is_own) {
            free_binned(heap, block->slab->cls, mem);
        } else {
            remote_free_object(heap, block->slab, mem);
        }
        break;
    case BLOCK_CHUNK:
        if (is_own) {
            free_chunk(heap, mem);
        } else {
            remote_free_chunk(heap, block->owner_id, mem);
        }
        break;
    case BLOCK_RUN:
        run_release(mem);
        break;
    case BLOCK_MMAPPED:
        if (!mmap_chunk_free(mem))
            fatal("double free or corruption (mmapped chunk)", mem);
        break;
    }
}

enum {
    HEAPLESS_FREES = 64, /* then a thread that only frees gets a heap */
};

/*
 * A thread whose first call is a free gets no heap for it; one that goes on
 * freeing gets one for the batches.
 */
static struct heap *heap_for_free(void)
{
    static TLS_IE uint32_t frees;

    if (LIKELY(thread_own != NULL) || ++frees < HEAPLESS_FREES)
        return thread_own;
    return heap_get();
}

void heap_free_found(void *mem, const struct block *block)
{
    struct heap *heap = heap_for_free();

    free_block(heap, mem, block);
    if (heap != NULL)
        heap_maintain(heap);
}

void heap_free(void *mem)
{
    struct block block;

    block_find(mem, &block);
    heap_free_found(mem, &block);
}
