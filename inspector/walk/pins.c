/* SPDX-License-Identifier: MIT */
#include "walk/pins.h"

#include "memory.h"

#include <stdlib.h>

enum {
    UNIT_OBJECTS = PAGE_BYTES / CHUNK_MIN + 1, /* chunks that touch a page */
    HUGE_SHIFT = 21,
    LEAST = 4096, /* bytes that a unit must waste */
};

/* Live objects of a stretch of 2 MiB. */
struct window {
    uint32_t objects;
    uint32_t live;
};

struct builder {
    const struct model *model;
    struct pins *pins;
    struct resident resident;
    struct object_walk walk;
    unsigned fullest;
    size_t most;
    pin_fn *take; /* or NULL */
    void *data;
    struct pin_group *groups; /* by heap id and class */
    struct window **windows;  /* by zone, by stretch of its span */

    /* The page of a segment that is being looked at. */
    struct object objects[UNIT_OBJECTS];
    unsigned count;
    size_t live;
    uintptr_t page;
};

static unsigned class_of(const struct object *object)
{
    if (object->cls < NCLASS)
        return object->cls;
    if (object->block != BLOCK_SEGMENT || object->usable > MEDIUM_MAX)
        return NCLASS;
    return size_class(object->usable);
}

static void add_to_group(struct builder *builder, const struct pin *pin)
{
    const struct object *object = &pin->object;
    size_t heap =
        object->heap_id <= builder->model->nheaps ? object->heap_id : 0;
    struct pin_group *group =
        &builder->groups[heap * (NCLASS + 1) + class_of(object)];

    group->objects++;
    group->bytes += object->size;
    group->pinned += (pin->resident - pin->live) / pin->objects;
}

/* Is the unit empty enough to be worth a word? */
static bool is_pinned(const struct builder *builder, size_t resident,
                      size_t live)
{
    return resident >= live + LEAST &&
           live * 100 <= resident * builder->fullest;
}

static void add_pin(struct builder *builder, struct pin unit,
                    const struct object *object)
{
    unit.object = *object;
    unit.gain = unit.resident / unit.objects;
    pins_keep(builder->pins, builder->most, &unit);
    if (builder->take != NULL)
        builder->take(builder->data, &unit);
    add_to_group(builder, &unit);
}

static void add_unit(struct builder *builder, const struct pin *unit)
{
    builder->pins->units++;
    builder->pins->pinned += unit->resident - unit->live;
}

static void window_add(struct builder *builder, const struct object *object)
{
    const struct model_zone *zone;
    size_t pfn;

    if (!model_page(builder->model, object->start, &zone, &pfn))
        return;
    struct window *windows =
        builder->windows[(size_t)(zone - builder->model->zones)];
    uintptr_t end = object->start + object->size;
    for (uintptr_t at = object->start; at < end;) {
        uintptr_t next = ((at >> HUGE_SHIFT) + 1) << HUGE_SHIFT;
        uintptr_t index = (at >> HUGE_SHIFT) - (zone->zone.base >> HUGE_SHIFT);
        next = next < end ? next : end;
        windows[index].objects++;
        windows[index].live += (uint32_t)(next - at);
        at = next;
    }
}

static void do_slab(struct builder *builder, const struct block *block)
{
    const struct slots *slots = &builder->walk.slots;
    struct object object;

    object_walk_block(&builder->walk, block);
    size_t live = (size_t)slots->live * slots->size;
    struct pin unit = {
        .unit = PIN_SLAB,
        .start = block->start,
        .live = live,
        .objects = slots->live,
    };
    bool pinned = false;
    if (slots->live > 0) {
        unit.resident =
            resident_bytes(&builder->resident, block->start, block->size);
        pinned = is_pinned(builder, unit.resident, live);
    }
    if (pinned)
        add_unit(builder, &unit);
    while (object_walk_in_block(&builder->walk, &object)) {
        if (object.state != OBJECT_LIVE)
            continue;
        window_add(builder, &object);
        if (pinned)
            add_pin(builder, unit, &object);
    }
}

/* The page is behind us: do its few live chunks hold it? */
static void page_close(struct builder *builder, const struct block *block)
{
    uintptr_t start = builder->page << PAGE_SHIFT;
    uintptr_t end = start + PAGE_BYTES;
    struct pin unit = {
        .unit = PIN_PAGE,
        .start = start,
        .live = builder->live,
        .objects = builder->count,
    };

    if (builder->count > 0) {
        uintptr_t from = start > block->start ? start : block->start;
        uintptr_t stop = block->start + block->size;
        stop = end < stop ? end : stop;
        unit.resident =
            stop > from ? resident_bytes(&builder->resident, from, stop - from)
                        : 0;
        if (is_pinned(builder, unit.resident, unit.live)) {
            add_unit(builder, &unit);
            for (unsigned i = 0; i < builder->count; i++)
                add_pin(builder, unit, &builder->objects[i]);
        }
    }
    builder->count = 0;
    builder->live = 0;
}

/* The chunk's part in one page; pages that it fills hold nothing else. */
static void page_add(struct builder *builder, const struct block *block,
                     const struct object *object, uintptr_t page)
{
    uintptr_t start = page << PAGE_SHIFT;
    uintptr_t end = start + PAGE_BYTES;
    uintptr_t stop = object->start + object->size;

    if (page != builder->page)
        page_close(builder, block);
    builder->page = page;
    start = start > object->start ? start : object->start;
    end = end < stop ? end : stop;
    builder->live += end - start;
    if (builder->count < UNIT_OBJECTS)
        builder->objects[builder->count++] = *object;
}

static void do_segment(struct builder *builder, const struct block *block)
{
    struct object object;

    builder->count = 0;
    builder->live = 0;
    builder->page = 0;
    object_walk_block(&builder->walk, block);
    while (object_walk_in_block(&builder->walk, &object)) {
        if (object.state != OBJECT_LIVE)
            continue;
        uintptr_t first = object.start >> PAGE_SHIFT;
        uintptr_t last = (object.start + object.size - 1) >> PAGE_SHIFT;
        window_add(builder, &object);
        page_add(builder, block, &object, first);
        if (last != first)
            page_add(builder, block, &object, last);
    }
    page_close(builder, block);
}

static void do_block(struct builder *builder, const struct block *block)
{
    struct object object;

    if (block->kind == BLOCK_SLAB || block->kind == BLOCK_CACHE) {
        do_slab(builder, block);
    } else if (block->kind == BLOCK_SEGMENT) {
        do_segment(builder, block);
    } else if (block->kind == BLOCK_RUN || block->kind == BLOCK_USER) {
        object_walk_block(&builder->walk, block);
        if (object_walk_in_block(&builder->walk, &object))
            window_add(builder, &object);
    }
}

static size_t window_count(const struct model_zone *zone)
{
    return (zone->npages << PAGE_SHIFT >> HUGE_SHIFT) + 2;
}

static void collect_huge(struct builder *builder)
{
    struct pins *pins = builder->pins;

    for (size_t z = 0; z < builder->model->nzones; z++) {
        const struct model_zone *zone = &builder->model->zones[z];
        for (size_t i = 0; i < window_count(zone); i++) {
            const struct window *window = &builder->windows[z][i];
            uintptr_t start = ((zone->zone.base >> HUGE_SHIFT) + i)
                              << HUGE_SHIFT;
            if (window->objects == 0)
                continue;
            size_t resident = resident_bytes(&builder->resident, start,
                                             (size_t)1 << HUGE_SHIFT);
            if (!is_pinned(builder, resident, window->live))
                continue;
            pins->huge = xgrow(pins->huge, pins->nhuge, sizeof *pins->huge);
            pins->huge[pins->nhuge++] = (struct pin_huge){
                start, resident, window->live, window->objects};
        }
    }
}

static void collect_groups(struct builder *builder)
{
    struct pins *pins = builder->pins;

    for (size_t heap = 0; heap <= builder->model->nheaps; heap++) {
        for (unsigned cls = 0; cls <= NCLASS; cls++) {
            struct pin_group *group =
                &builder->groups[heap * (NCLASS + 1) + cls];
            if (group->objects == 0)
                continue;
            group->cls = cls;
            group->heap_id = (uint32_t)heap;
            pins->groups =
                xgrow(pins->groups, pins->ngroups, sizeof *pins->groups);
            pins->groups[pins->ngroups++] = *group;
        }
    }
}

static void walk_all(struct builder *builder)
{
    struct freelist *freelist = freelist_build(builder->model, NULL, NULL);
    struct block_walk blocks;
    struct block block;

    object_walk_begin(&builder->walk, builder->model, freelist);
    block_walk_begin(&blocks, builder->model);
    while (block_walk_next(&blocks, &block))
        do_block(builder, &block);
    builder->pins->unread = builder->walk.unread + builder->walk.faults;
    object_walk_end(&builder->walk);
    freelist_free(freelist);
}

struct pins *pins_find(const struct model *model, unsigned fullest, size_t most)
{
    return pins_each(model, fullest, most, NULL, NULL);
}

struct pins *pins_each(const struct model *model, unsigned fullest, size_t most,
                       pin_fn *take, void *data)
{
    struct builder *builder = xcalloc(1, sizeof *builder);

    builder->model = model;
    builder->pins = xcalloc(1, sizeof *builder->pins);
    builder->fullest = fullest;
    builder->most = most;
    builder->take = take;
    builder->data = data;
    builder->groups =
        xcalloc((model->nheaps + 1) * (NCLASS + 1), sizeof *builder->groups);
    builder->windows = xcalloc(model->nzones, sizeof(struct window *));
    for (size_t i = 0; i < model->nzones; i++) {
        builder->windows[i] =
            xcalloc(window_count(&model->zones[i]), sizeof(struct window));
    }
    resident_begin(&builder->resident, model->target);
    walk_all(builder);
    collect_huge(builder);
    collect_groups(builder);
    resident_end(&builder->resident);
    pins_sort(builder->pins);
    struct pins *pins = builder->pins;
    for (size_t i = 0; i < model->nzones; i++)
        free(builder->windows[i]);
    free(builder->windows);
    free(builder->groups);
    free(builder);
    return pins;
}
