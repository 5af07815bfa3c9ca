/* SPDX-License-Identifier: MIT */
#include "snapshot/internal.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* Places that are to be stored; page aligned, unsorted, may overlap. */
struct places {
    struct stretch *all;
    size_t count;
    size_t page;
};

static void add(struct places *places, uintptr_t start, size_t size)
{
    uintptr_t mask = places->page - 1;
    uintptr_t end = (start + size + mask) & ~mask;

    if (start == 0 || size == 0 || end <= start)
        return;
    places->all = xgrow(places->all, places->count, sizeof *places->all);
    places->all[places->count++] =
        (struct stretch){.start = start & ~mask, .end = end};
}

static void add_metadata(void *data, uintptr_t start, size_t size)
{
    add(data, start, size);
}

/* Memory that the allocator manages: what lies in it is redact.c's concern. */
static void add_memory(struct places *places, const struct model *model)
{
    struct block_walk walk;
    struct block block;

    for (size_t i = 0; i < model->nzones; i++) {
        const struct model_zone *zone = &model->zones[i];
        if (zone->npages > zone->first) {
            add(places, page_address(zone->zone.base, zone->first),
                (zone->npages - zone->first) << PAGE_SHIFT);
        }
    }
    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        if (block.page == 0)
            add(places, block.start, block.size);
    }
}

/* All that the program may have changed; and the first pages of images. */
static void add_content(struct places *places, struct target *target)
{
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);

    for (size_t i = 0; i < count; i++) {
        const struct vma *vma = &vmas[i];
        bool changed = vma->private_dirty > 0 || vma->anonymous > 0 ||
                       vma->swap > 0 || strcmp(vma->name, "[vdso]") == 0;
        if (changed) {
            add(places, vma->start, vma->end - vma->start);
        } else if (vma->offset == 0 && vma->name[0] == '/') {
            add(places, vma->start, places->page);
        }
    }
}

static int by_start(const void *left, const void *right)
{
    const struct stretch *a = left;
    const struct stretch *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

/* Sorts, and joins what overlaps or touches. */
static void join(struct places *places)
{
    size_t n = 0;

    if (places->count > 1)
        qsort(places->all, places->count, sizeof *places->all, by_start);
    for (size_t i = 0; i < places->count; i++) {
        struct stretch *last = n > 0 ? &places->all[n - 1] : NULL;
        if (last != NULL && places->all[i].start <= last->end) {
            if (places->all[i].end > last->end)
                last->end = places->all[i].end;
        } else {
            places->all[n++] = places->all[i];
        }
    }
    places->count = n;
}

static void push(struct plan *plan, const struct vma *vma, uintptr_t start,
                 uintptr_t end, bool stored)
{
    if (start >= end)
        return;
    plan->all = xgrow(plan->all, plan->count, sizeof *plan->all);
    plan->all[plan->count++] = (struct stretch){
        .start = start,
        .end = end,
        .stored = stored,
        .flags = (vma->prot[0] == 'r' ? PF_R : 0u) |
                 (vma->prot[1] == 'w' ? PF_W : 0u) |
                 (vma->prot[2] == 'x' ? PF_X : 0u),
    };
}

/* One mapping, cut by the places from *at on. */
static void cut(struct plan *plan, const struct vma *vma,
                const struct places *places, size_t *at)
{
    uintptr_t done = vma->start;

    while (*at < places->count && places->all[*at].end <= vma->start)
        ++*at;
    for (size_t i = *at; i < places->count && vma->prot[0] == 'r'; i++) {
        const struct stretch *place = &places->all[i];
        if (place->start >= vma->end)
            break;
        uintptr_t start = place->start > done ? place->start : done;
        uintptr_t end = place->end < vma->end ? place->end : vma->end;
        push(plan, vma, done, start, false);
        push(plan, vma, start, end, true);
        done = end;
    }
    push(plan, vma, done, vma->end, false);
}

void plan_make(const struct model *model, bool content, struct plan *plan)
{
    struct places places = {.page = target_page_size(model->target)};
    size_t count;
    size_t at = 0;
    const struct vma *vmas = target_vmas(model->target, &count);

    *plan = (struct plan){0};
    metadata_each(model, add_metadata, &places);
    add_memory(&places, model);
    if (content)
        add_content(&places, model->target);
    join(&places);
    for (size_t i = 0; i < count; i++)
        cut(plan, &vmas[i], &places, &at);
    free(places.all);
}

void plan_free(struct plan *plan)
{
    free(plan->all);
    *plan = (struct plan){0};
}

struct stretch *plan_at(const struct plan *plan, uintptr_t address)
{
    size_t low = 0;
    size_t high = plan->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (plan->all[middle].end <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == plan->count || plan->all[low].start > address ||
        !plan->all[low].stored)
        return NULL;
    return &plan->all[low];
}
