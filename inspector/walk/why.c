/* SPDX-License-Identifier: MIT */
#include "walk/why.h"

#include "memory.h"
#include "walk/usage.h"

#include <stdlib.h>
#include <time.h>

const char *const why_names[NWHYS] = {
    [WHY_DUE] = "due",
    [WHY_DECAY] = "decay",
    [WHY_THRESHOLD] = "threshold",
    [WHY_ORDER] = "too small",
    [WHY_HUGE] = "huge page",
    [WHY_PURGED] = "purged",
    [WHY_TOP] = "top",
    [WHY_PINNED] = "pinned",
    [WHY_CACHED] = "thread cache",
    [WHY_SENT] = "on its way",
    [WHY_LISTED] = "page list",
    [WHY_SLAB_KEPT] = "slab kept",
    [WHY_KEPT] = "mapping kept",
    [WHY_META] = "metadata",
    [WHY_LIVE] = "live",
    [WHY_GONE] = "not resident",
    [WHY_UNKNOWN] = "unknown",
};

const char *const why_meanings[NWHYS] = {
    [WHY_DUE] = "there is too much of it: the next tick gives it back; ticks "
                "come with calls of malloc and free",
    [WHY_DECAY] = "goes when purge_delay ends, unless it is needed before",
    [WHY_THRESHOLD] = "below the low mark: dirty_min and dirty_ratio let it "
                      "stay; malloc_trim(0) gives it back",
    [WHY_ORDER] = "the free block is not worth a system call; malloc_trim(0)",
    [WHY_HUGE] = "would split a huge page: other memory goes first",
    [WHY_PURGED] = "was given back: the kernel takes it lazily, or filled a "
                   "huge page again",
    [WHY_TOP] = "top of its arena: top_pad and trim_threshold let it stay",
    [WHY_PINNED] = "live objects hold its slab, or lie on both sides: pins",
    [WHY_CACHED] = "a thread's bin keeps it: bin_bytes, cache_bytes; goes "
                   "when the bin is not used for a purge_delay",
    [WHY_SENT] = "another thread freed it: its owner takes it at its next tick",
    [WHY_LISTED] = "a thread keeps the pages at hand",
    [WHY_SLAB_KEPT] = "the slab has no live object, but is the next to be used",
    [WHY_KEPT] = "a freed mapping waits for reuse: mmap_cache",
    [WHY_META] = "liballoc's own structures",
    [WHY_LIVE] = "in the program's hands",
    [WHY_GONE] = "no memory lies there",
    [WHY_UNKNOWN] = "in the midst of a change, or damaged: check",
};

static size_t tunable(const struct model *model, const char *name, size_t other)
{
    size_t value;

    return model_tunable(model, name, &value) ? value : other;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Now on the clock of the process; a file stands at its last tick. */
static uint64_t clock_of(const struct model *model)
{
    struct timespec now;
    uint64_t last = 0;

    if (target_kind(model->target) == TARGET_PROCESS) {
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    }
    for (size_t i = 0; i < model->nheaps; i++)
        last = later(last, model->heaps[i].heap.slow_ms);
    for (size_t i = 0; i < model->nzones; i++)
        last = later(last, model->zones[i].zone.policy.tick_ms);
    return last;
}

static struct why_judgement judge_zone(const struct why_policy *policy,
                                       const struct zone *zone)
{
    size_t live = zone->frontier - zone->first - zone->buddy.nr_free;
    struct reclaim_marks marks =
        reclaim_marks(zone->policy, live, policy->dirty_min >> PAGE_SHIFT,
                      policy->dirty_ratio);

    return (struct why_judgement){
        .verdict = reclaim_decide(zone->policy, zone->nr_dirty, marks,
                                  policy->now_ms, policy->purge_delay),
        .tolerated = marks.high << PAGE_SHIFT,
        .dirty = zone->nr_dirty << PAGE_SHIFT,
    };
}

static struct why_judgement judge_arena(const struct why_policy *policy,
                                        const struct model *model,
                                        const struct model_heap *heap)
{
    const struct arena *arena = &heap->heap.arena;
    size_t top = top_bytes(model, heap);
    size_t idle = arena->free_bytes + top;
    size_t live = arena->system_mem > idle ? arena->system_mem - idle : 0;
    struct reclaim_marks marks = reclaim_arena_marks(
        arena->policy, live, policy->dirty_min, policy->dirty_ratio,
        policy->trim_threshold + policy->top_pad);

    return (struct why_judgement){
        .verdict = reclaim_decide(arena->policy, arena->dirty + top, marks,
                                  policy->now_ms, policy->purge_delay),
        .tolerated = marks.high,
        .dirty = arena->dirty + top,
    };
}

void why_begin(struct why_walk *walk, const struct model *model,
               const struct freelist *freelist, struct resident *resident)
{
    struct why_policy *policy = &walk->policy;

    walk->model = model;
    walk->freelist = freelist;
    walk->resident = resident;
    *policy = (struct why_policy){
        .now_ms = clock_of(model),
        .purge_delay = tunable(model, "purge_delay", 0),
        .dirty_min = tunable(model, "dirty_min", 0),
        .dirty_ratio = tunable(model, "dirty_ratio", 1),
        .top_pad = tunable(model, "top_pad", 0),
        .trim_threshold = tunable(model, "trim_threshold", 0),
        .zones = xcalloc(model->nzones, sizeof *policy->zones),
        .arenas = xcalloc(model->nheaps + 1, sizeof *policy->arenas),
    };
    for (size_t i = 0; i < model->nzones; i++)
        policy->zones[i] = judge_zone(policy, &model->zones[i].zone);
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        if (heap->address != 0)
            policy->arenas[i + 1] = judge_arena(policy, model, heap);
    }
    object_walk_begin(&walk->objects, model, freelist);
}

void why_end(struct why_walk *walk)
{
    object_walk_end(&walk->objects);
    free(walk->policy.zones);
    free(walk->policy.arenas);
}

/* A stretch that the kernel holds nothing for needs no other reason. */
static void say(const struct why_walk *walk, struct why_part part,
                why_fn *visit, void *data)
{
    if (part.size == 0)
        return;
    if (part.why != WHY_LIVE &&
        resident_bytes(walk->resident, part.start, part.size) == 0)
        part.why = WHY_GONE;
    visit(data, &part);
}

static struct why_part judged(const struct why_judgement *judgement)
{
    return (struct why_part){
        .why = judgement->verdict.why,
        .judgement = judgement,
    };
}

/* Free pages, one by one: some of a block may have been given back. */
static void why_free(const struct why_walk *walk, const struct block *block,
                     why_fn *visit, void *data)
{
    const struct model_zone *zone = block->zone;
    size_t index = (size_t)(zone - walk->model->zones);
    bool is_small = block->order < RECLAIM_ORDER;

    for (size_t i = 0; i < block->size >> PAGE_SHIFT; i++) {
        struct why_part part = judged(&walk->policy.zones[index]);
        part.start = block->start + (i << PAGE_SHIFT);
        part.size = PAGE_BYTES;
        unsigned bits = resident_bits(walk->resident, part.start);
        if (!zone_is_dirty(zone, block->pfn + i)) {
            part.why = WHY_PURGED;
        } else if (is_small) {
            part.why = WHY_ORDER;
        } else if ((bits & HUGE) != 0 && block->order < HUGE_PAGE_ORDER) {
            part.why = WHY_HUGE;
        }
        say(walk, part, visit, data);
    }
}

/* A free chunk: judged as the arena's tick would, if it is large enough. */
static struct why_part why_chunk(const struct why_walk *walk,
                                 const struct object *object, size_t before)
{
    uint32_t id = object->heap_id;
    struct why_part part =
        judged(&walk->policy.arenas[id <= walk->model->nheaps ? id : 0]);

    part.held_by = before;
    if (object->state == OBJECT_TOP) {
        if (object->size <= walk->policy.top_pad || part.why == WHY_THRESHOLD)
            part.why = WHY_TOP;
    } else if (object->size < PURGE_CHUNK) {
        part.why = WHY_PINNED;
        part.holders = 2;
    } else if (object->clean >= object->size) {
        part.why = WHY_PURGED;
    } else if (!reclaim_chunk_goes(object->size, object->clean)) {
        part.why = WHY_ORDER;
    }
    return part;
}

static uint32_t list_owner(const struct why_walk *walk,
                           const struct object *object)
{
    const struct free_label *label =
        walk->freelist != NULL
            ? freelist_find(walk->freelist, object->block == BLOCK_CACHE
                                                ? object->start
                                                : object->mem)
            : NULL;

    return label != NULL ? label->heap_id : object->heap_id;
}

/* Live, cached, or in doubt: the same for slots and chunks. */
static bool why_taken(const struct why_walk *walk, const struct object *object,
                      struct why_part *part)
{
    switch (object->state) {
    case OBJECT_LIVE:
        part->why = WHY_LIVE;
        return true;
    case OBJECT_BINNED:
    case OBJECT_SPARE:
        part->why = WHY_CACHED;
        part->heap_id = list_owner(walk, object);
        return true;
    case OBJECT_REMOTE:
        part->why = WHY_SENT;
        part->heap_id = list_owner(walk, object);
        return true;
    case OBJECT_DAMAGED:
    case NOBJECTSTATES:
        part->why = WHY_UNKNOWN;
        return true;
    case OBJECT_FREE:
    case OBJECT_TOP:
    case OBJECT_VIRGIN:
        break;
    }
    return false;
}

static void why_segment(struct why_walk *walk, const struct block *block,
                        why_fn *visit, void *data)
{
    struct object object;
    size_t before = 0;

    object_walk_block(&walk->objects, block);
    while (object_walk_in_block(&walk->objects, &object)) {
        struct why_part part = {.heap_id = object.heap_id};
        if (!why_taken(walk, &object, &part))
            part = why_chunk(walk, &object, before);
        part.heap_id = part.heap_id != 0 ? part.heap_id : object.heap_id;
        part.start = object.start;
        part.size = object.size;
        before = object.state == OBJECT_LIVE ? object.size : 0;
        say(walk, part, visit, data);
    }
}

/* Why a slab's free slots stay: its live ones, its cached ones, the policy. */
static struct why_part why_slab(const struct slots *slots, uint32_t heap_id)
{
    struct why_part part = {.why = WHY_SLAB_KEPT, .heap_id = heap_id};

    for (unsigned i = 0; i < slots->carved; i++) {
        uint8_t state = slots->state[i];
        if (state == OBJECT_BINNED || state == OBJECT_SPARE) {
            part.why = WHY_CACHED;
        } else if (state == OBJECT_REMOTE && part.why != WHY_CACHED) {
            part.why = WHY_SENT;
        }
    }
    if (slots->live > 0) {
        part.why = WHY_PINNED;
        part.holders = slots->live;
        part.held_by = (size_t)slots->live * slots->size;
    }
    return part;
}

static void why_slots(struct why_walk *walk, const struct block *block,
                      why_fn *visit, void *data)
{
    struct object object;
    uintptr_t at = block->start;

    object_walk_block(&walk->objects, block);
    struct why_part rest = why_slab(&walk->objects.slots, block->heap_id);
    if (walk->objects.slots.count == 0)
        rest.why = WHY_UNKNOWN;
    while (object_walk_in_block(&walk->objects, &object)) {
        struct why_part part = rest;
        /* What lies between slots stays for the reason of free ones. */
        part.start = at;
        part.size = object.start - at;
        say(walk, part, visit, data);
        (void)why_taken(walk, &object, &part);
        part.start = object.start;
        part.size = object.size;
        say(walk, part, visit, data);
        at = object.start + object.size;
    }
    rest.start = at;
    rest.size = block->start + block->size - at;
    say(walk, rest, visit, data);
}

void why_block(struct why_walk *walk, const struct block *block, why_fn *visit,
               void *data)
{
    static const enum why whole[NBLOCKKINDS] = {
        [BLOCK_FREE] = WHY_UNKNOWN,    [BLOCK_LISTED] = WHY_LISTED,
        [BLOCK_SLAB] = WHY_UNKNOWN,    [BLOCK_CACHE] = WHY_UNKNOWN,
        [BLOCK_SEGMENT] = WHY_UNKNOWN, [BLOCK_RUN] = WHY_LIVE,
        [BLOCK_USER] = WHY_LIVE,       [BLOCK_MMAP] = WHY_LIVE,
        [BLOCK_MMAP_KEPT] = WHY_KEPT,  [BLOCK_META] = WHY_META,
        [BLOCK_UNKNOWN] = WHY_UNKNOWN, [BLOCK_GUARDED] = WHY_LIVE,
    };

    if (block->kind == BLOCK_FREE) {
        why_free(walk, block, visit, data);
    } else if (block->kind == BLOCK_SEGMENT) {
        why_segment(walk, block, visit, data);
    } else if (block->kind == BLOCK_SLAB || block->kind == BLOCK_CACHE) {
        why_slots(walk, block, visit, data);
    } else {
        struct why_part part = {
            .why = whole[block->kind],
            .start = block->start,
            .size = block->size,
            .heap_id = block->heap_id,
        };
        say(walk, part, visit, data);
    }
}
