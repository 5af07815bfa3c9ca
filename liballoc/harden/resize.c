/* SPDX-License-Identifier: MIT */
/*
 * Resizing and sizes in hardened mode.
 */
#include "base/bits.h"
#include "base/tunables.h"
#include "harden/canary.h"
#include "harden/guarded.h"
#include "harden/harden.h"
#include "harden/zero_block.h"
#include "heap/bin.h"
#include "heap/fast.h"
#include "heap/heap.h"

#include <string.h>

/* Usable bytes, canary included; fatal unless it is a block in use. */
static size_t find_usable(const void *mem)
{
    struct block block;

    if (LIKELY(thread_own != NULL)) {
        uint32_t cls = fast_kind(thread_own, mem);
        if (LIKELY(cls < NSLAB) && LIKELY(fast_is_object(thread_own, mem, cls)))
            return size_class_bytes(cls);
    }
    block_find(mem, &block);
    return block.usable;
}

/* In place, or by moving pages; NULL: it must be copied, or had no memory. */
static void *wrapped_resize(void *mem, size_t size)
{
    struct block block;

    block_find(mem, &block);
    canary_check(mem, block.usable);
    size_t have = block.usable - canary_bytes();
    if (size <= have && size >= have / 2)
        return mem;
    if (size < have && tunables.zero_free != 0)
        memset((char *)mem + size, 0, block.usable - size);
    void *moved = heap_resize(mem, size + canary_bytes(), &block);
    if (moved != NULL) {
        block_find(moved, &block);
        canary_set(moved, block.usable);
    } else {
        canary_set(mem, block.usable);
    }
    return moved;
}

void *harden_realloc(void *mem, size_t size)
{
    bool is_ours = zero_block_holds(mem) || guarded_holds(mem);
    bool fresh;

    if (!is_ours && !harden_wraps)
        return heap_realloc(mem, size);
    size_t have = harden_usable(mem);
    if (size > PTRDIFF_MAX - CANARY_BYTES)
        return NULL;
    if (is_ours && size == have)
        return mem;
    void *moved = is_ours ? NULL : wrapped_resize(mem, size);
    if (moved != NULL)
        return moved;
    moved = harden_alloc(size, &fresh);
    if (moved == NULL)
        return size <= have ? mem : NULL;
    memcpy(moved, mem, min_size(size, have));
    harden_free(mem);
    return moved;
}

size_t harden_usable(const void *mem)
{
    if (UNLIKELY(zero_block_holds(mem))) {
        zero_block_check(mem);
        return 0;
    }
    if (UNLIKELY(guarded_holds(mem)))
        return guarded_size(mem);
    size_t usable = find_usable(mem);
    if (!harden_wraps)
        return usable;
    canary_check(mem, usable);
    return usable - canary_bytes();
}

/* What the slack of a block may be, by the way it is made. */
static bool size_is_plausible(const struct block *block, size_t size,
                              size_t align)
{
    size_t slack = block->usable - size;

    switch (block->kind) {
    case BLOCK_SLAB:
        return block->slab->cls == (align > CHUNK_HEADER
                                        ? slab_class_aligned(size, align)
                                        : size_class(size + (size == 0)));
    case BLOCK_CHUNK:
        return slack <= size / 8 + 2 * CHUNK_MIN;
    case BLOCK_RUN:
    case BLOCK_MMAPPED:
        return slack <= size / 8 + 2 * (size_t)PAGE_BYTES;
    }
    return false;
}

void harden_check_size(const void *mem, size_t size, size_t align)
{
    struct block block;

    if (zero_block_holds(mem) || guarded_holds(mem)) {
        if (size != harden_usable(mem))
            fatal("invalid size", mem);
        return;
    }
    block_find(mem, &block);
    size += canary_bytes();
    if (size > block.usable || !size_is_plausible(&block, size, align))
        fatal("invalid size", mem);
}
