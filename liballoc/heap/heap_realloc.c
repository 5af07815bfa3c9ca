/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "arena/mmap_chunk.h"
#include "base/bits.h"
#include "base/tunables.h"
#include "heap/run.h"

#include <string.h>

enum {
    GROWING_MIN = 1 * MIB, /* growing blocks from here on get a mapping, which
                              mremap() grows without a copy */
};

/* Growth that is better continued by mremap() in a mapping of its own. */
static bool is_growing(size_t size, const struct block *block)
{
    return size >= GROWING_MIN && size > block->usable && tunables.mmap_max > 0;
}

static bool resize_chunk(void *mem, size_t size, uint32_t owner_id)
{
    struct heap *owner = heap_by_id(owner_id);

    heap_lock(owner);
    bool done =
        arena_resize(&owner->arena, mem_to_chunk(mem), chunk_size_for(size));
    heap_unlock(owner);
    return done;
}

/* In place: true if the block now holds `size` bytes, and not many more. */
static bool resize_in_place(void *mem, size_t size, const struct block *block)
{
    bool fits = size <= block->usable;

    /* Half empty is the limit of what a shrunk block may waste. */
    if (fits && size >= block->usable / 2)
        return true;
    switch (block->kind) {
    case BLOCK_SLAB:
        return false;
    case BLOCK_CHUNK:
        if (fits && size <= tunables.slab_max)
            return false; /* a slab serves it better */
        return size <= MEDIUM_MAX && resize_chunk(mem, size, block->owner_id);
    case BLOCK_RUN:
        if (size <= MEDIUM_MAX || is_growing(size, block))
            return false;
        return run_resize(mem, size);
    case BLOCK_MMAPPED:
        return false;
    }
    return false;
}

/* A new block, of a kind that can grow cheaply if this one keeps growing. */
static void *alloc_for(size_t size, const struct block *block)
{
    bool fresh;

    if (is_growing(size, block)) {
        void *mem = mmap_chunk_alloc(size, CHUNK_HEADER, &fresh);
        if (mem != NULL)
            return mem;
    }
    return heap_alloc(size, &fresh);
}

void *heap_resize(void *mem, size_t size, const struct block *block)
{
    if (size > PTRDIFF_MAX)
        return NULL;
    if (block->kind == BLOCK_MMAPPED &&
        (size >= tunables.mmap_threshold || size >= GROWING_MIN)) {
        void *moved = mmap_chunk_resize(mem, size);
        if (moved != NULL)
            return moved;
        if (size <= block->usable)
            return mem;
    }
    return resize_in_place(mem, size, block) ? mem : NULL;
}

void *heap_realloc(void *mem, size_t size)
{
    struct block block;

    block_find(mem, &block);
    if (size > PTRDIFF_MAX)
        return NULL;
    void *moved = heap_resize(mem, size, &block);
    if (moved != NULL)
        return moved;
    void *fresh = alloc_for(size, &block);
    if (fresh == NULL)
        return size <= block.usable ? mem : NULL;
    memcpy(fresh, mem, min_size(size, block.usable));
    heap_free(mem);
    return fresh;
}
