/* SPDX-License-Identifier: MIT */
/* A zone's page map: tags, descriptors, dirty bits, and where blocks begin. */
#include "walk/model_load.h"

#include <string.h>

/* Page by page, for a core may end in the midst of it; how many were read. */
static size_t copy_pages(struct target *target, uintptr_t from, char *to,
                         size_t size)
{
    size_t read = 0;

    for (size_t at = 0; at < size; at += COPY_LEAST) {
        size_t piece = size - at < COPY_LEAST ? size - at : COPY_LEAST;
        read += far_read(target, from + at, to + at, piece);
    }
    return read;
}

/* In pieces; what cannot be read stays zero.  False: some could not. */
static bool copy_far(struct target *target, uintptr_t from, void *to,
                     size_t size)
{
    bool whole = true;

    for (size_t at = 0; at < size; at += COPY_STEP) {
        size_t piece = size - at < COPY_STEP ? size - at : COPY_STEP;
        if (far_copy(target, from + at, (char *)to + at, piece))
            continue;
        whole = false;
        if (copy_pages(target, from + at, (char *)to + at, piece) == 0 &&
            at > 0)
            break; /* a claim beyond all memory */
    }
    return whole;
}

static bool zone_is_sane(const struct zone *zone)
{
    return zone->npages <= PFN_MAX && zone->first <= zone->frontier &&
           zone->frontier <= zone->npages &&
           (zone->base & (PAGE_BYTES - 1)) == 0 &&
           zone->base < (uintptr_t)1 << 56;
}

/* The main arena's stretches of brk lie in [0, first) of the first zone. */
static size_t brk_end_of(const struct model *model, const struct zone *zone)
{
    uintptr_t end = 0;

    for (size_t i = 0; i < model->nheaps; i++) {
        const struct arena *arena = &model->heaps[i].heap.arena;
        for (size_t k = 0; k < arena->nr_brk_old && k < NBRK_OLD; k++)
            end = arena->brk_old[k].end > end ? arena->brk_old[k].end : end;
        end = arena->brk.end > end ? arena->brk.end : end;
    }
    if (end <= zone->base)
        return 0;
    size_t pfn = page_pfn(zone->base, end - 1) + 1;
    return pfn < zone->first ? pfn : zone->first;
}

static bool map_load(struct model *model, struct model_zone *out)
{
    struct target *target = model->target;
    const struct zone *zone = &out->zone;
    size_t count = out->npages - out->first;
    size_t words = bitmap_words(out->first, out->npages);

    if (!room_take(model, out))
        return false;
    uintptr_t tags = FAR_ADDRESS(zone->tags);
    bool whole = copy_far(target, zone_page_address(out, out->first),
                          out->pages, count * sizeof *out->pages);
    whole &=
        copy_far(target, tags, out->tags, out->brk_end * sizeof *out->tags);
    whole &= copy_far(target, tags + out->first * sizeof *out->tags,
                      out->tags + out->first, count * sizeof *out->tags);
    size_t skipped = out->first / MODEL_WORDS * sizeof(uint64_t);
    size_t size = count > 0 ? words * sizeof(uint64_t) : 0;
    if (!copy_far(target, FAR_ADDRESS(zone->dirty) + skipped, out->dirty, size))
        room_free_dirty(out);
    /* Layouts before 1.3 have none. */
    uintptr_t small = FAR_ADDRESS(zone->small_blocks);
    if (small == 0 || !copy_far(target, small + skipped, out->small, size))
        room_free_small(out);
    model->faults += !whole;
    return true;
}

bool zone_look(struct model *model, size_t index, struct model_zone *out)
{
    const struct root_table *table = &target_root(model->target)->zones;

    *out = (struct model_zone){
        .address = FAR_ADDRESS(table->start) + index * table->stride,
    };
    if (!far_struct(model->target, TYPE_ID_zone, out->address, &out->zone) ||
        !zone_is_sane(&out->zone) || out->zone.index != index)
        return false;
    size_t used = out->zone.frontier - out->zone.first;
    if (used > 0 &&
        !target_is_mapped(model->target,
                          page_address(out->zone.base, out->zone.first),
                          used << PAGE_SHIFT))
        return false;
    out->first = out->zone.first;
    out->npages = out->zone.frontier;
    return true;
}

bool zone_load(struct model *model, size_t index, struct model_zone *out)
{
    if (!zone_look(model, index, out))
        return false;
    out->brk_end = brk_end_of(model, &out->zone);
    if (map_load(model, out))
        return true;
    room_free(out);
    return false;
}

bool zone_moved(const struct model *model, const struct model_zone *zone)
{
    struct zone now;

    if (!far_struct(model->target, TYPE_ID_zone, zone->address, &now))
        return true;
    return zone->zone.lock.state != 0 || now.lock.state != 0 ||
           now.frontier != zone->zone.frontier ||
           now.nr_dirty != zone->zone.nr_dirty ||
           /* NOLINTNEXTLINE(*): bytes as they were copied, padding too */
           memcmp(&now.buddy, &zone->zone.buddy, sizeof now.buddy) != 0;
}

/* Length of the block that starts at pfn, as its descriptor says; 1..rest. */
static size_t block_pages(const struct page *page, size_t rest)
{
    size_t npages = 1;

    switch ((enum page_state)page->state) {
    case PAGE_BUDDY:
    case PAGE_PCP:
    case PAGE_SLAB:
    case PAGE_CACHE:
        npages = page->order <= MAX_ORDER ? (size_t)1 << page->order : 1;
        break;
    case PAGE_ARENA:
    case PAGE_RUN:
    case PAGE_USER:
        npages = page->npages;
        break;
    case PAGE_NONE:
        break;
    }
    npages = npages > 0 ? npages : 1;
    return npages < rest ? npages : rest;
}

void zone_find_heads(struct model_zone *zone)
{
    size_t from = zone->first & ~(size_t)(MODEL_WORDS - 1);
    bool was_none = false;

    for (size_t pfn = zone->first; pfn < zone->npages;) {
        const struct page *page = zone_page(zone, pfn);
        bool is_none = page->state == PAGE_NONE;
        /* Pages of nobody in a row are one block. */
        if (!is_none || !was_none) {
            zone->heads[(pfn - from) / MODEL_WORDS] |=
                (uint64_t)1 << (pfn - from) % MODEL_WORDS;
        }
        was_none = is_none;
        pfn += block_pages(page, zone->npages - pfn);
    }
}
