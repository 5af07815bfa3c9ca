/* SPDX-License-Identifier: MIT */
#include "heap/heap.h"

#include "arena/arena.h"
#include "arena/chunk.h"
#include "arena/mmap_chunk.h"
#include "base/debug.h"
#include "heap/run.h"
#include "slab/slab.h"

/* Fatal if the block carries the mark of a free object. */
static void check_not_free(const void *mem)
{
    const struct free_object *object = mem;

    if (UNLIKELY(object->key == object_key(mem)))
        fatal("double free or corruption", mem);
}

static void find_slab(const void *mem, const struct page_ref *ref,
                      struct block *block)
{
    struct slab *slab = slab_of(ref);
    int index = slab != NULL ? slab_index(slab, (uintptr_t)mem) : -1;

    if (UNLIKELY(index < 0 || !slab_has_carved(slab, (uintptr_t)mem)))
        fatal("invalid pointer", mem);
    check_not_free(mem);
    block->kind = BLOCK_SLAB;
    block->owner_id = slab->heap_id;
    block->slab = slab;
    block->usable = slab->cache->size;
}

static void find_chunk(const void *mem, const struct page_ref *ref,
                       struct block *block)
{
    chunk_check_inuse(mem);
    check_not_free(mem);
    block->kind = BLOCK_CHUNK;
    block->owner_id = tag_heap_id(ref->tag);
    block->usable = chunk_usable(chunk_size(mem_to_chunk(mem)));
}

static void find_run(const void *mem, struct block *block)
{
    block->kind = BLOCK_RUN;
    block->usable = run_size(mem);
    check_not_free(mem);
}

static void find_mmapped(const void *mem, struct block *block)
{
    block->kind = BLOCK_MMAPPED;
    block->usable = mmap_chunk_size(mem);
    if (block->usable == 0)
        fatal("invalid pointer", mem);
}

void block_find(const void *mem, struct block *block)
{
    struct page_ref ref;

    if (!page_lookup((uintptr_t)mem, &ref)) {
        find_mmapped(mem, block);
        return;
    }
    uint32_t kind = tag_kind(ref.tag);
    if (((uintptr_t)mem & 15) != 0)
        fatal("invalid pointer", mem);
    if (kind < NSLAB && tag_heap_id(ref.tag) != 0) {
        find_slab(mem, &ref, block);
    } else if (kind == KIND_CHUNK) {
        find_chunk(mem, &ref, block);
    } else if (kind == KIND_RUN) {
        find_run(mem, block);
    } else {
        find_mmapped(mem, block);
    }
}
