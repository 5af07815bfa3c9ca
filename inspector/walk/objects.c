/* SPDX-License-Identifier: MIT */
#include "walk/objects.h"

#include <string.h>

void object_walk_begin(struct object_walk *walk, const struct model *model,
                       const struct freelist *freelist)
{
    walk->model = model;
    walk->freelist = freelist;
    walk->in_block = false;
    walk->unread = 0;
    walk->faults = 0;
    walk->skipped = 0;
    walk->chunks = (struct chunk_walk){.model = model, .freelist = freelist};
    block_walk_begin(&walk->blocks, model);
}

void object_walk_end(struct object_walk *walk)
{
    chunk_walk_end(&walk->chunks);
}

void object_walk_block(struct object_walk *walk, const struct block *block)
{
    walk->block = *block;
    walk->in_block = true;
    walk->slot = 0;
    if (block->kind == BLOCK_SLAB || block->kind == BLOCK_CACHE) {
        if (!slots_read(walk->model, walk->freelist, block, &walk->slots))
            walk->unread++;
    } else if (block->kind == BLOCK_SEGMENT) {
        if (walk->chunks.window == NULL) {
            chunk_walk_begin(&walk->chunks, walk->model, walk->freelist, block);
        } else {
            chunk_walk_again(&walk->chunks, block);
        }
    }
}

/* To the end of the mapping, or to a guard page: the header knows. */
static size_t mmapped_usable(const struct model *model,
                             const struct model_mmap *mapping)
{
    size_t most = mapping->start + mapping->size - mapping->mem;
    size_t word;

    if (!far_read(model->target, mapping->mem - sizeof word, &word,
                  sizeof word) ||
        chunk_word_size(word) < CHUNK_HEADER ||
        chunk_word_size(word) - CHUNK_HEADER > most)
        return most;
    return chunk_word_size(word) - CHUNK_HEADER;
}

/* A sample that is live, or was: a page that may not be touched. */
static bool guarded_object(const struct model *model, const struct block *block,
                           struct object *object)
{
    size_t page;

    if (!model_guarded_at(model, block->start, &page) || page % 2 == 0)
        return false;
    const struct guarded_slot *slot = &model->guarded->slots[page / 2];
    if (slot->mem == 0 ||
        (slot->state != GUARDED_LIVE && slot->state != GUARDED_FREED))
        return false;
    object->state = slot->state == GUARDED_LIVE ? OBJECT_LIVE : OBJECT_FREE;
    object->mem = slot->mem;
    object->usable = slot->size;
    return true;
}

/* A run, a block of the program's pages: one object, if it is one at all. */
static bool whole_block(struct object_walk *walk, struct object *object)
{
    const struct block *block = &walk->block;

    walk->in_block = false;
    *object = (struct object){
        .state = OBJECT_LIVE,
        .block = block->kind,
        .start = block->start,
        .size = block->size,
        .mem = block->start,
        .usable = block->size,
        .cls = NCLASS,
    };
    if (block->kind == BLOCK_RUN || block->kind == BLOCK_USER)
        return true;
    if (block->kind == BLOCK_GUARDED)
        return guarded_object(walk->model, block, object);
    if (block->kind != BLOCK_MMAP)
        return false;
    const struct model_mmap *mapping = model_mmap_at(walk->model, block->start);
    if (mapping == NULL)
        return false;
    object->mem = mapping->mem;
    object->usable = mmapped_usable(walk->model, mapping);
    object->flags = IS_MMAPPED;
    return true;
}

bool object_walk_in_block(struct object_walk *walk, struct object *object)
{
    const struct block *block = &walk->block;

    if (!walk->in_block)
        return false;
    if (block->kind == BLOCK_SLAB || block->kind == BLOCK_CACHE) {
        if (walk->slot < walk->slots.count) {
            slot_object(&walk->slots, block, walk->slot++, object);
            return true;
        }
    } else if (block->kind == BLOCK_SEGMENT) {
        if (chunk_walk_next(&walk->chunks, object))
            return true;
        walk->faults += walk->chunks.faults;
        walk->skipped += walk->chunks.skipped;
    } else {
        return whole_block(walk, object);
    }
    walk->in_block = false;
    return false;
}

bool object_walk_next(struct object_walk *walk, struct object *object)
{
    struct block block;

    while (!object_walk_in_block(walk, object)) {
        if (!block_walk_next(&walk->blocks, &block))
            return false;
        object_walk_block(walk, &block);
    }
    return true;
}

void object_finder_begin(struct object_finder *finder,
                         const struct model *model,
                         const struct freelist *freelist)
{
    object_walk_begin(&finder->walk, model, freelist);
    finder->has_block = false;
    finder->has_object = false;
}

void object_finder_end(struct object_finder *finder)
{
    object_walk_end(&finder->walk);
}

static bool is_in(uintptr_t address, uintptr_t start, size_t size)
{
    return address >= start && address - start < size;
}

static bool find_chunk(struct object_finder *finder, uintptr_t address,
                       struct object *object)
{
    if (finder->has_object &&
        address <= finder->object.start + CHUNK_OVERHEAD &&
        !object_holds(&finder->object, address)) {
        object_walk_block(&finder->walk, &finder->block);
        finder->has_object = false;
    }
    while (!finder->has_object || !object_holds(&finder->object, address)) {
        if (!object_walk_in_block(&finder->walk, &finder->object)) {
            /* Behind the last chunk, the closing header: begin anew. */
            object_walk_block(&finder->walk, &finder->block);
            finder->has_object = false;
            return false;
        }
        finder->has_object = true;
    }
    *object = finder->object;
    return true;
}

bool object_find(struct object_finder *finder, uintptr_t address,
                 struct object *object)
{
    struct block *block = &finder->block;

    if (!finder->has_block || !is_in(address, block->start, block->size)) {
        finder->has_object = false;
        finder->has_block = block_at(finder->walk.model, address, block);
        if (!finder->has_block)
            return false;
        object_walk_block(&finder->walk, block);
    }
    if (block->kind == BLOCK_SEGMENT)
        return find_chunk(finder, address, object);
    if (block->kind == BLOCK_SLAB || block->kind == BLOCK_CACHE) {
        int slot = slot_at(&finder->walk.slots, address);
        if (slot < 0)
            return false;
        slot_object(&finder->walk.slots, block, (unsigned)slot, object);
        return true;
    }
    finder->walk.in_block = true;
    return object_walk_in_block(&finder->walk, object);
}
