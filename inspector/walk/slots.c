/* SPDX-License-Identifier: MIT */
#include "walk/slots.h"

#include <string.h>

/* Slot size, and what of it is the program's. */
static bool find_size(const struct model *model, const struct block *block,
                      struct slots *slots)
{
    const struct slab *slab = block->slab;

    slots->front = 0;
    if (block->kind == BLOCK_SLAB) {
        if (slab->cls >= NSLAB)
            return false;
        slots->size = (uint32_t)size_class_bytes(slab->cls);
        slots->usable = slots->size;
        return true;
    }
    const struct model_cache *cache =
        model_cache(model, FAR_ADDRESS(slab->cache));
    if (cache == NULL || cache->slabs.size < 16 ||
        cache->slabs.size > PAGE_BYTES || cache->slabs.size % 16 != 0 ||
        cache->front > cache->slabs.size ||
        cache->size > cache->slabs.size - cache->front)
        return false;
    slots->size = cache->slabs.size;
    slots->front = cache->front;
    slots->usable = cache->size;
    return true;
}

bool slots_shape(const struct model *model, const struct block *block,
                 struct slots *slots)
{
    const struct slab *slab = block->slab;

    slots->count = 0;
    slots->carved = 0;
    slots->live = 0;
    slots->base = block->start;
    if (!find_size(model, block, slots) || slots->size == 0)
        return false;
    slots->colour = slab->colour * 16u;
    slots->per_page = PAGE_BYTES / slots->size;
    if (slots->per_page == 0)
        return false;
    unsigned order = slab_order(slab->cls);
    slots->count = slots->per_page << order;
    if (slab->order != order || slab->nobjects != slots->count ||
        block->size != slab_bytes(slab->cls) ||
        slots->colour + slots->per_page * slots->size > PAGE_BYTES ||
        slab->carved > slots->count) {
        slots->count = 0;
        return false;
    }
    slots->carved = slab->carved;
    return true;
}

/* Marks of the slots [from, to), all in one page; `page` is its memory. */
static void read_page(const struct model *model, const uint8_t *page,
                      unsigned from, unsigned to, struct slots *slots)
{
    uintptr_t mem = slot_address(slots, from);
    const uint8_t *at = page + slots->colour + sizeof(uintptr_t);

    for (unsigned i = from; i < to; i++) {
        uintptr_t key;
        memcpy(&key, at, sizeof key);
        bool is_free = key == (model->object_secret ^ mem);
        slots->state[i] = is_free ? OBJECT_FREE : OBJECT_LIVE;
        slots->live += !is_free;
        at += slots->size;
        mem += slots->size;
    }
}

/* Which list the free slots are on. */
static void name_lists(const struct freelist *freelist, struct slots *slots)
{
    for (unsigned i = 0; i < slots->carved; i++) {
        if (slots->state[i] != OBJECT_FREE)
            continue;
        const struct free_label *label =
            freelist_find(freelist, slot_address(slots, i));
        if (label != NULL)
            slots->state[i] = label->state;
    }
}

bool slots_read(const struct model *model, const struct freelist *freelist,
                const struct block *block, struct slots *slots)
{
    if (!slots_shape(model, block, slots))
        return false;
    memset(slots->state, OBJECT_VIRGIN, slots->count);
    for (unsigned from = 0; from < slots->carved; from += slots->per_page) {
        unsigned to = from + slots->per_page;
        to = to < slots->carved ? to : slots->carved;
        uintptr_t page =
            slots->base + ((uintptr_t)(from / slots->per_page) << PAGE_SHIFT);
        size_t size = slots->colour + (size_t)(to - from) * slots->size;
        const uint8_t *view = far_view_heap(model->target, page, size);
        if (view == NULL) {
            memset(slots->state, OBJECT_DAMAGED, slots->carved);
            slots->live = 0;
            return false;
        }
        read_page(model, view, from, to, slots);
    }
    if (freelist != NULL && slots->live < slots->carved)
        name_lists(freelist, slots);
    return true;
}

int slot_at(const struct slots *slots, uintptr_t address)
{
    size_t offset = address - slots->base;
    size_t in_page = offset & (PAGE_BYTES - 1);

    if (slots->count == 0 || in_page < slots->colour)
        return -1;
    size_t index = (in_page - slots->colour) / slots->size;
    if (index >= slots->per_page)
        return -1;
    return (int)((offset >> PAGE_SHIFT) * slots->per_page + index);
}

void slot_object(const struct slots *slots, const struct block *block,
                 unsigned i, struct object *object)
{
    uintptr_t start = slot_address(slots, i);

    *object = (struct object){
        .state = (enum object_state)slots->state[i],
        .block = block->kind,
        .start = start,
        .size = slots->size,
        .mem = start + slots->front,
        .usable = slots->usable,
        .cls = block->kind == BLOCK_SLAB ? block->slab->cls : NCLASS,
        .heap_id = block->heap_id,
    };
}
