/* SPDX-License-Identifier: MIT */
/* Slabs: the lists of each cache, then every slab's objects. */
#include "memory.h"
#include "walk/check.h"
#include "walk/far_list.h"
#include "walk/slots.h"

#include <stdlib.h>
#include <string.h>

/* One slab cache and who owns it. */
struct owner {
    const struct slab_cache *cache;
    uintptr_t address; /* of the cache in the target */
    uint32_t heap_id;
    uint8_t state; /* of its slabs */
};

static const struct slab *as_slab(const struct page *page)
{
    return (const struct slab *)(const void *)page;
}

static void check_member(struct checker *checker, const struct owner *owner,
                         const struct slab *slab, uintptr_t address,
                         enum slab_list on)
{
    bool is_full = slab->inuse == slab->nobjects;

    if (slab->state != owner->state || slab->heap_id != owner->heap_id ||
        FAR_ADDRESS(slab->cache) != owner->address || slab->on_list != on) {
        check_found(checker, INVARIANT_SLAB_CACHE, address,
                    "state %u of heap %u, list %u", slab->state, slab->heap_id,
                    slab->on_list);
        return;
    }
    if (on == SLAB_EMPTY && slab->inuse > 0)
        check_found(checker, INVARIANT_SLAB_EMPTY, address, "%u", slab->inuse);
    if (on == SLAB_FULL && !is_full) {
        check_found(checker, INVARIANT_SLAB_FULL, address, "%u of %u",
                    slab->inuse, slab->nobjects);
    }
}

static size_t check_list(struct checker *checker, const struct owner *owner,
                         const char *field, const struct list_head *first,
                         enum slab_list on)
{
    uintptr_t head = owner->address +
                     far_offset(checker->model->target, "slab_cache", field);
    struct check_list list = check_list_begin(checker->model, head, first);
    const struct model_zone *zone;
    const struct page *page;
    size_t count = 0;
    size_t pfn;

    while ((page = check_list_next(&list, &zone, &pfn)) != NULL) {
        check_member(checker, owner, as_slab(page),
                     page_address(zone->zone.base, pfn), on);
        count++;
    }
    if (list.broken) {
        check_found(checker, INVARIANT_SLAB_LINKS, list.at,
                    "%s list at 0x%lx, after %zu slabs", field, head, count);
    }
    return count;
}

static void check_lists(struct checker *checker, const struct owner *owner)
{
    const struct slab_cache *cache = owner->cache;
    uintptr_t active = FAR_ADDRESS(cache->active);
    const struct model_zone *zone;
    size_t pfn;
    size_t count = 0;

    if (active != 0) {
        const struct page *page =
            check_descriptor(checker->model, active, &zone, &pfn);
        count++;
        if (page == NULL) {
            check_found(checker, INVARIANT_SLAB_CACHE, active, "active");
        } else {
            check_member(checker, owner, as_slab(page),
                         page_address(zone->zone.base, pfn), SLAB_ACTIVE);
        }
    }
    count +=
        check_list(checker, owner, "partial", &cache->partial, SLAB_PARTIAL);
    count += check_list(checker, owner, "full", &cache->full, SLAB_FULL);
    count += check_list(checker, owner, "empty", &cache->empty, SLAB_EMPTY);
    if (count != cache->nr_slabs) {
        check_found(checker, INVARIANT_SLAB_NUMBER, owner->address,
                    "%zu on lists, %u counted", count, cache->nr_slabs);
    }
}

static bool is_cached(uint8_t state)
{
    return state == OBJECT_BINNED || state == OBJECT_SPARE ||
           state == OBJECT_REMOTE;
}

/* The slab's own chain of free objects. */
static void check_chain(struct checker *checker, const struct block *block,
                        const struct slots *slots)
{
    const struct slab *slab = block->slab;
    uintptr_t mem = FAR_ADDRESS(slab->freelist);
    unsigned count = 0;

    for (; mem != 0 && count <= slots->carved; count++) {
        int index = mem - block->start < block->size ? slot_at(slots, mem) : -1;
        if (index < 0 || (unsigned)index >= slots->carved ||
            slot_address(slots, (unsigned)index) != mem) {
            check_found(checker, INVARIANT_SLAB_RANGE, block->start,
                        "link to 0x%lx after %u objects", mem, count);
            return;
        }
        struct free_object object = {0};
        const void *view = far_view(checker->model->target, mem, sizeof object);
        if (view != NULL)
            memcpy(&object, view, sizeof object);
        if (object.key != (checker->model->object_secret ^ mem)) {
            check_found(checker, INVARIANT_SLAB_MARK, mem, "object %d of 0x%lx",
                        index, block->start);
            return;
        }
        mem = model_next(checker->model, mem, &object);
    }
    if (count > slots->carved) {
        check_found(checker, INVARIANT_SLAB_CYCLE, block->start,
                    "still going after %u objects", count);
    } else if (count != (unsigned)slab->carved - slab->inuse) {
        check_found(checker, INVARIANT_SLAB_LENGTH, block->start,
                    "%u on the list, carved %u, inuse %u", count, slab->carved,
                    slab->inuse);
    }
}

/* Marks against counts. */
static void check_inuse(struct checker *checker, const struct block *block,
                        const struct slots *slots)
{
    unsigned cached = 0;

    for (unsigned i = 0; i < slots->carved; i++)
        cached += is_cached(slots->state[i]);
    unsigned have = slots->live + cached;
    unsigned want = block->slab->inuse;
    if (have == want)
        return;
    if ((have + 1 == want || have == want + 1) && checker->may_be_off > 0) {
        checker->may_be_off--;
        checker->left_out++;
        return;
    }
    check_found(checker, INVARIANT_SLAB_INUSE, block->start,
                "%u live, %u cached, inuse %u", slots->live, cached, want);
}

static bool is_torn(const struct model *model, const struct block *block)
{
    const struct model_heap *heap = model_heap(model, block->heap_id);

    return (heap != NULL && heap->torn) || block->zone->torn;
}

/* Live slots of the slab; 0 if it makes no sense. */
static unsigned check_slab(struct checker *checker, const struct block *block)
{
    static struct slots slots;
    const struct slab *slab = block->slab;

    if (!slots_shape(checker->model, block, &slots) ||
        slab->inuse > slab->carved) {
        check_found(checker, INVARIANT_SLAB_COUNTS, block->start,
                    "class %u, inuse %u, carved %u, nobjects %u", slab->cls,
                    slab->inuse, slab->carved, slab->nobjects);
        return 0;
    }
    checker->slots += slots.count;
    if (!slots_read(checker->model, checker->freelist, block, &slots)) {
        check_found(checker, INVARIANT_SLAB_MARK, block->start,
                    "its memory is not readable");
        return 0;
    }
    check_chain(checker, block, &slots);
    if (block->kind == BLOCK_SLAB)
        check_inuse(checker, block, &slots);
    return slots.live;
}

static void check_objects(struct checker *checker, size_t *live)
{
    const struct model *model = checker->model;
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        if (block.kind != BLOCK_SLAB && block.kind != BLOCK_CACHE)
            continue;
        if (is_torn(model, &block)) {
            checker->left_out++;
            continue;
        }
        unsigned count = check_slab(checker, &block);
        const struct model_cache *cache = NULL;
        if (block.kind == BLOCK_CACHE)
            cache = model_cache(model, FAR_ADDRESS(block.slab->cache));
        if (cache != NULL)
            live[cache - model->caches] += count;
    }
}

/* Object caches: counts of the objects out against their marks. */
static void check_caches(struct checker *checker, const size_t *live)
{
    for (size_t i = 0; i < checker->model->ncaches; i++) {
        const struct model_cache *cache = &checker->model->caches[i];
        struct owner owner = {&cache->slabs, cache->slabs_address, 0,
                              PAGE_CACHE};
        check_lists(checker, &owner);
        if (live[i] != cache->live) {
            check_found(checker, INVARIANT_CACHE_LIVE, cache->address,
                        "%.32s: %zu by their marks, %zu counted", cache->name,
                        live[i], cache->live);
        }
    }
}

void check_slabs(struct checker *checker)
{
    const struct model *model = checker->model;
    size_t caches = far_offset(model->target, "heap", "slab_caches");
    size_t stride = far_sizeof(model->target, TYPE_ID_slab_cache);
    size_t *live = xcalloc(model->ncaches, sizeof *live);

    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        if (heap->address == 0)
            continue;
        if (heap->torn) {
            checker->left_out++;
            continue;
        }
        for (unsigned cls = 0; cls < NSLAB; cls++) {
            struct owner owner = {&heap->heap.slab_caches[cls],
                                  heap->address + caches + cls * stride,
                                  heap->heap.id, PAGE_SLAB};
            check_lists(checker, &owner);
        }
    }
    check_objects(checker, live);
    check_caches(checker, live);
    free(live);
}
