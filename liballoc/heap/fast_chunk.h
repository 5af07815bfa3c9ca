/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_FAST_CHUNK_H
#define LIBALLOC_HEAP_FAST_CHUNK_H
/*
 * The fast free of a chunk of the thread's own heap: its header is checked
 * (checksum, not free), its class is the largest that fits.
 * Layer: heap.
 */
#include "arena/chunk.h"
#include "heap/fast.h"

/* Precondition: the page's tag is KIND_CHUNK of `heap`. */
ALWAYS_INLINE bool fast_free_chunk(struct heap *heap, void *mem)
{
    const struct chunk *chunk = mem_to_chunk(mem);
    size_t size = chunk_size(chunk) - CHUNK_HEADER;
    uintptr_t key = heap->key ^ (uintptr_t)mem;

    if (UNLIKELY(!chunk_is_valid(chunk)) ||
        UNLIKELY((chunk_flags(chunk) & (CHUNK_FREE | IS_MMAPPED)) != 0) ||
        UNLIKELY(((uintptr_t)mem & 15) != 0) ||
        UNLIKELY(((struct free_object *)mem)->key == key))
        return false;
    unsigned index = bin_for_chunk(size);
    if (UNLIKELY(index == NHEAPBINS))
        return false;
    return fast_push(&heap->bins[index], mem, key);
}

/*
 * Usable bytes of a block of the thread's own heap, with the checks of free();
 * 0 = it is something else, or in error: look closer.
 */
ALWAYS_INLINE size_t fast_usable(const struct heap *heap, const void *mem)
{
    uint32_t kind = fast_kind(heap, mem);

    if (kind < NSLAB) {
        return LIKELY(fast_is_object(heap, mem, kind)) ? size_class_bytes(kind)
                                                       : 0;
    }
    const struct chunk *chunk = mem_to_chunk(mem);
    if (kind != KIND_CHUNK || ((uintptr_t)mem & 15) != 0 ||
        !chunk_is_valid(chunk) ||
        (chunk_flags(chunk) & (CHUNK_FREE | IS_MMAPPED)) != 0 ||
        chunk_size(chunk) < CHUNK_MIN ||
        ((const struct free_object *)mem)->key == (heap->key ^ (uintptr_t)mem))
        return 0;
    return chunk_usable(chunk_size(chunk));
}

#endif
