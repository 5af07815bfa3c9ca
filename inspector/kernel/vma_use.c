/* SPDX-License-Identifier: MIT */
#include "kernel/vma_use.h"

#include "memory.h"
#include "walk/objects.h"
#include "walk/resident.h"

struct count {
    const struct vma *vmas;
    size_t nvmas;
    size_t at; /* index of the last one found: neighbours follow */
    struct vma_use *uses;
    struct resident resident;
};

enum share { SHARE_LIVE, SHARE_CACHED, SHARE_FREE, SHARE_NONE };

/* The first VMA that ends behind the address. */
static size_t vma_behind(struct count *count, uintptr_t address)
{
    size_t low = 0;
    size_t high = count->nvmas;

    if (count->at < count->nvmas && count->vmas[count->at].end > address &&
        count->vmas[count->at].start <= address)
        return count->at;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (count->vmas[middle].end <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    count->at = low;
    return low;
}

/* A stretch may cross from one VMA to the next. */
static void add(struct count *count, uintptr_t start, size_t size,
                enum share share)
{
    for (size_t i = vma_behind(count, start);
         i < count->nvmas && size > 0 && count->vmas[i].start <= start; i++) {
        size_t part = count->vmas[i].end - start;
        struct vma_use *use = &count->uses[i];
        if (part > size)
            part = size;
        use->ours = true;
        if (share == SHARE_LIVE) {
            use->live += part;
            use->resident += resident_bytes(&count->resident, start, part);
        } else if (share == SHARE_CACHED) {
            use->cached += part;
        } else if (share == SHARE_FREE) {
            use->free += part;
        }
        start += part;
        size -= part;
    }
}

static void add_objects(struct count *count, const struct model *model,
                        size_t *unverified)
{
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    struct object_walk walk;
    struct object object;

    object_walk_begin(&walk, model, freelist);
    while (object_walk_next(&walk, &object)) {
        if (object.state == OBJECT_LIVE) {
            add(count, object.mem, object.usable, SHARE_LIVE);
        } else if (object_is_cached(&object)) {
            add(count, object.start, object.size, SHARE_CACHED);
        } else if (object.state == OBJECT_DAMAGED) {
            ++*unverified;
        } else {
            add(count, object.start, object.size, SHARE_FREE);
        }
    }
    object_walk_end(&walk);
    freelist_free(freelist);
}

/* Blocks that hold no objects. */
static void add_blocks(struct count *count, const struct model *model)
{
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        bool free = block.kind == BLOCK_FREE || block.kind == BLOCK_LISTED ||
                    block.kind == BLOCK_MMAP_KEPT;
        add(count, block.start, block.size, free ? SHARE_FREE : SHARE_NONE);
    }
}

struct vma_use *vma_use_count(const struct model *model, size_t *unverified)
{
    struct count count = {0};

    count.vmas = target_vmas(model->target, &count.nvmas);
    count.uses = xcalloc(count.nvmas, sizeof *count.uses);
    resident_begin(&count.resident, model->target);
    *unverified = 0;
    add_objects(&count, model, unverified);
    add_blocks(&count, model);
    resident_end(&count.resident);
    return count.uses;
}
