/* SPDX-License-Identifier: MIT */
#include "kernel/regions.h"

#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const region_names[NREGIONS] = {
    [REGION_ZONE] = "zone",
    [REGION_USABLE] = "zone, unused",
    [REGION_RESERVED] = "zone, reserved",
    [REGION_BRK] = "main arena",
    [REGION_MMAP] = "mmapped chunk",
    [REGION_KEPT] = "mmap kept",
    [REGION_GUARDED] = "guarded samples",
    [REGION_TAGS] = "owner tags",
    [REGION_PAGES] = "page descriptors",
    [REGION_DIRTY] = "dirty bits",
    [REGION_STARTS] = "bits of segments",
    [REGION_SMALL] = "bits of pageblocks",
    [REGION_META] = "heaps, tables",
    [REGION_IMAGE] = "liballoc",
};

static void add(struct regions *regions, enum region_kind kind, uintptr_t start,
                uintptr_t end)
{
    if (start == 0 || start >= end)
        return;
    regions->all = xgrow(regions->all, regions->count, sizeof *regions->all);
    regions->all[regions->count++] = (struct region){start, end, kind};
}

static void add_zone(struct regions *regions, const struct model_zone *found)
{
    const struct zone *zone = &found->zone;
    size_t frontier = zone->frontier;
    size_t committed = zone->committed;
    uintptr_t base = zone->base;

    if (zone->npages > (size_t)1 << 34 || frontier > zone->npages ||
        committed > zone->npages || zone->first > frontier)
        return;
    if (committed < frontier)
        committed = frontier;
    add(regions, REGION_ZONE, page_address(base, zone->first),
        page_address(base, frontier));
    add(regions, REGION_USABLE, page_address(base, frontier),
        page_address(base, committed));
    add(regions, REGION_RESERVED, page_address(base, committed),
        page_address(base, zone->npages));
    uintptr_t tags = FAR_ADDRESS(zone->tags);
    uintptr_t pages = FAR_ADDRESS(zone->pages);
    uintptr_t dirty = FAR_ADDRESS(zone->dirty);
    uintptr_t starts = FAR_ADDRESS(zone->starts);
    uintptr_t small = FAR_ADDRESS(zone->small_blocks);
    add(regions, REGION_TAGS, tags, tags + zone->npages * sizeof(uint32_t));
    add(regions, REGION_PAGES, pages,
        pages + zone->npages * sizeof(struct page));
    add(regions, REGION_DIRTY, dirty, dirty + zone->npages / 8);
    add(regions, REGION_STARTS, starts, starts + zone->npages / 8);
    add(regions, REGION_SMALL, small, small + zone->npages / 8);
}

/* Blocks outside of the zones: stretches of brk, mappings, metadata. */
static void add_blocks(struct regions *regions, const struct model *model)
{
    struct block_walk walk;
    struct block block;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        enum region_kind kind = REGION_META;
        if (block.kind == BLOCK_MMAP) {
            kind = REGION_MMAP;
        } else if (block.kind == BLOCK_MMAP_KEPT) {
            kind = REGION_KEPT;
        } else if (block.kind == BLOCK_SEGMENT && block.page == 0) {
            kind = REGION_BRK;
        } else if (block.kind != BLOCK_META) {
            continue;
        }
        add(regions, kind, block.start, block.start + block.size);
    }
}

/* Mappings of the file that the root lies in; anonymous .bss behind it too. */
static void add_image(struct regions *regions, struct target *target)
{
    const struct vma *home = target_vma_at(target, target_root_address(target));
    size_t count;
    const struct vma *vmas = target_vmas(target, &count);

    for (size_t i = 0; home != NULL && i < count; i++) {
        const struct vma *vma = &vmas[i];
        bool same = home->name[0] != '\0' && strcmp(vma->name, home->name) == 0;
        bool bss = vma->name[0] == '\0' && i > 0 && &vmas[i - 1] == home &&
                   vma->start == home->end;
        if (same || bss || vma == home)
            add(regions, REGION_IMAGE, vma->start, vma->end);
    }
}

static int by_start(const void *left, const void *right)
{
    const struct region *a = left;
    const struct region *b = right;

    return (a->start > b->start) - (a->start < b->start);
}

void regions_find(const struct model *model, struct regions *regions)
{
    *regions = (struct regions){0};
    for (size_t i = 0; i < model->nzones; i++)
        add_zone(regions, &model->zones[i]);
    add_blocks(regions, model);
    if (model->guarded != NULL) {
        add(regions, REGION_GUARDED, model->guarded->base,
            model->guarded->base + model->guarded->span);
    }
    add_image(regions, model->target);
    if (regions->count > 1)
        qsort(regions->all, regions->count, sizeof *regions->all, by_start);
}

void regions_free(struct regions *regions)
{
    free(regions->all);
    *regions = (struct regions){0};
}

/* The first region that ends behind `start`: none overlap but in damage. */
static size_t first_behind(const struct regions *regions, uintptr_t start)
{
    size_t low = 0;
    size_t high = regions->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (regions->all[middle].end <= start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const char *bytes_text(size_t bytes, char *text, size_t size)
{
    if (bytes < 1024 * 1024) {
        (void)snprintf(text, size, "%.1f KiB", (double)bytes / 1024);
    } else if (bytes < (size_t)1 << 30) {
        (void)snprintf(text, size, "%.1f MiB", (double)bytes / 1048576);
    } else {
        (void)snprintf(text, size, "%.1f GiB", (double)bytes / 1073741824);
    }
    return text;
}

/* What lies in [start, end), by kind. */
static void sum_up(const struct regions *regions, uintptr_t start,
                   uintptr_t end, size_t *bytes, size_t *counts)
{
    for (size_t i = first_behind(regions, start);
         i < regions->count && regions->all[i].start < end; i++) {
        const struct region *region = &regions->all[i];
        uintptr_t from = region->start > start ? region->start : start;
        uintptr_t to = region->end < end ? region->end : end;
        bytes[region->kind] += to > from ? to - from : 0;
        counts[region->kind]++;
    }
}

const char *regions_describe(const struct regions *regions, uintptr_t start,
                             uintptr_t end, char *text, size_t size)
{
    size_t bytes[NREGIONS] = {0};
    size_t counts[NREGIONS] = {0};
    size_t used = 0;
    char number[32];
    char times[24];

    sum_up(regions, start, end, bytes, counts);
    text[0] = '\0';
    for (int kind = 0; kind < NREGIONS && used + 1 < size; kind++) {
        if (counts[kind] == 0)
            continue;
        times[0] = '\0';
        if (counts[kind] > 1)
            (void)snprintf(times, sizeof times, "x%zu ", counts[kind]);
        int got = snprintf(text + used, size - used, "%s%s %s%s",
                           used > 0 ? "; " : "", region_names[kind], times,
                           bytes_text(bytes[kind], number, sizeof number));
        used += got > 0 ? (size_t)got : 0;
    }
    return text;
}
