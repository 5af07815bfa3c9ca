/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_HEAP_H
#define LIBALLOC_HEAP_HEAP_H
/*
 * The heap as api/ sees it: every request and every free that the fast path
 * does not serve.
 * Layer: heap.  Thread safe.  errno is never touched.
 */
#include "heap/registry.h"
#include "page/page_map.h"

#include <stdbool.h>
#include <stddef.h>

/* What a pointer of the program is. */
enum block_kind {
    BLOCK_SLAB,
    BLOCK_CHUNK,
    BLOCK_RUN,
    BLOCK_MMAPPED,
};

struct block {
    enum block_kind kind;
    uint32_t owner_id; /* heap of a slab object or a chunk */
    struct slab *slab; /* BLOCK_SLAB */
    size_t usable;     /* bytes the program may use */
};

/*
 * Looks the pointer up; fatal unless it is the start of a block in use.  A
 * block is known freed as long as it has not been handed out again.
 */
void block_find(const void *mem, struct block *block);

/* Any size; NULL = no memory.  *fresh: the memory reads as zero. */
void *heap_alloc(size_t size, bool *fresh);

/* `align` a power of two above 16. */
void *heap_alloc_aligned(size_t size, size_t align);

/* Any pointer but NULL; fatal if it is not the start of a block in use. */
void heap_free(void *mem);

/* The same for who looked it up before: `block` is what block_find() said. */
void heap_free_found(void *mem, const struct block *block);

/*
 * Changes the size of a block, in place if that is cheap; the new address, or
 * NULL = no memory, the block is untouched.  `size` > 0.
 */
void *heap_realloc(void *mem, size_t size);

/*
 * The part of it that copies nothing: in place, or by moving pages; NULL: it
 * takes a copy.  `block` is what block_find() said.
 */
void *heap_resize(void *mem, size_t size, const struct block *block);

/* Time-driven duties of slow paths: idle bins, watermarks, other's rests. */
void heap_maintain(struct heap *heap);

/* Run by the next heap_maintain() of any thread, and after; NULL = nothing.
   Immutable after start. */
extern HIDDEN void (*heap_duty)(void);

/* Gives back all that is free but `pad` bytes of each top; the bytes. */
size_t heap_trim(size_t pad);

/* The memory is in the program's hands: no free mark may be left in it. */
static inline void mark_live(void *mem)
{
    ((struct free_object *)mem)->key = 0;
}

#endif
