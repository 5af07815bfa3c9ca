/* SPDX-License-Identifier: MIT */
/*
 * What the kernel itself says of our regions: the RSS of mappings that are
 * ours alone (zones, page maps), pages by residency where others may share a
 * mapping (brk, mmapped chunks, metadata).
 */
#include "memory.h"
#include "walk/ledger.h"

#include <stdlib.h>

/* RSS of the mappings within [start, end). */
static size_t rss_within(struct target *target, uintptr_t start, uintptr_t end)
{
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);
    size_t rss = 0;

    for (size_t i = 0; i < count; i++) {
        if (vmas[i].has_use && vmas[i].start >= start && vmas[i].end <= end)
            rss += vmas[i].rss;
    }
    return rss;
}

static size_t zone_rss(const struct model *model, const struct model_zone *it)
{
    const struct zone *zone = &it->zone;
    uintptr_t map = FAR_ADDRESS(zone->tags);
    uintptr_t map_end = FAR_ADDRESS(zone->dirty) + zone->npages / 8 + 65536;
    size_t rss =
        rss_within(model->target, page_address(zone->base, zone->first),
                   page_address(zone->base, zone->npages));

    return map_end > map ? rss + rss_within(model->target, map, map_end) : rss;
}

/* Whole system pages of a stretch that begin at or behind *from. */
static size_t pages_rss(struct resident *resident, uintptr_t start, size_t size,
                        uintptr_t *from)
{
    uintptr_t mask = resident->page - 1;
    uintptr_t first = start & ~mask;
    uintptr_t end = (start + size + mask) & ~mask;

    first = first > *from ? first : *from;
    if (end <= first)
        return 0;
    *from = end;
    return resident_bytes(resident, first, end - first);
}

struct stretch {
    uintptr_t start;
    size_t size;
};

static int by_start(const void *a, const void *b)
{
    const struct stretch *left = a;
    const struct stretch *right = b;

    return (left->start > right->start) - (left->start < right->start);
}

/* Blocks outside of zones and page maps: their pages, each once. */
static size_t others_rss(const struct model *model, struct resident *resident)
{
    struct stretch *all = NULL;
    size_t count = 0;
    struct block_walk walk;
    struct block block;
    uintptr_t from = 0;
    size_t rss = 0;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        bool is_page_map = block.kind == BLOCK_META && block.heap_id == 0 &&
                           block.size != sizeof(struct mmap_record);
        if ((block.zone != NULL && block.pfn != SIZE_MAX) || is_page_map)
            continue;
        all = xgrow(all, count, sizeof *all);
        all[count++] = (struct stretch){block.start, block.size};
    }
    if (count > 0)
        qsort(all, count, sizeof *all, by_start);
    for (size_t i = 0; i < count; i++)
        rss += pages_rss(resident, all[i].start, all[i].size, &from);
    free(all);
    return rss;
}

size_t ledger_rss(const struct model *model, struct resident *resident)
{
    size_t rss = others_rss(model, resident);

    for (size_t i = 0; i < model->nzones; i++)
        rss += zone_rss(model, &model->zones[i]);
    return rss;
}
