/* SPDX-License-Identifier: MIT */
/* Zones: bounds, buddy lists, the page map with its tags, page lists. */
#include "walk/check.h"
#include "walk/far_list.h"

/* A free area: blocks of an order, in pageblocks of one kind. */
struct area {
    unsigned order;
    bool small; /* in those for small requests */
};

static const struct free_area *area_of(const struct model_zone *zone,
                                       struct area area)
{
    const struct buddy *buddy = &zone->zone.buddy;

    return area.small ? &buddy->small_area[area.order]
                      : &buddy->free_area[area.order];
}

/* Where its list head lies in the target. */
static uintptr_t area_head(const struct model_zone *zone, struct target *target,
                           struct area which)
{
    size_t buddy = far_offset(target, "zone", "buddy");
    size_t area =
        far_offset(target, "buddy", which.small ? "small_area" : "free_area");
    size_t list = far_offset(target, "free_area", "list");
    size_t stride = far_sizeof(target, TYPE_ID_free_area);

    return zone->address + buddy + area + which.order * stride + list;
}

static bool is_free_block(const struct model_zone *zone, size_t pfn,
                          unsigned order)
{
    if (pfn < zone->first || pfn >= zone->npages)
        return false;
    const struct page *page = zone_page(zone, pfn);
    return page->state == PAGE_BUDDY && page->order == order;
}

/* Is the block on a list of the other kind of pageblocks? */
static bool is_misplaced(const struct model_zone *zone, size_t pfn,
                         struct area which)
{
    size_t block = pfn & ~(((size_t)1 << PAGEBLOCK_ORDER) - 1);
    size_t bit = block - zone->first / MODEL_WORDS * MODEL_WORDS;

    if (zone->small == NULL || which.order >= PAGEBLOCK_ORDER)
        return false;
    bool small = (zone->small[bit / MODEL_WORDS] >> bit % MODEL_WORDS & 1) != 0;
    return small != which.small;
}

/* One block of a list; false: the list is no use any more. */
static bool check_block(struct checker *checker, const struct model_zone *zone,
                        const struct model_zone *found, size_t pfn,
                        struct area which)
{
    uintptr_t address = page_address(found->zone.base, pfn);
    unsigned order = which.order;

    if (found != zone || !is_free_block(zone, pfn, order)) {
        check_found(checker, INVARIANT_BUDDY_BLOCK, address,
                    "on the list of order %u", order);
        return false;
    }
    if (is_misplaced(zone, pfn, which)) {
        check_found(checker, INVARIANT_BUDDY_BLOCK, address,
                    "order %u, on the list of the other pageblocks", order);
    }
    if ((pfn & (((size_t)1 << order) - 1)) != 0)
        check_found(checker, INVARIANT_BUDDY_ALIGN, address, "order %u", order);
    size_t other = buddy_of(pfn, order);
    if (order < MAX_ORDER && pfn < other && is_free_block(zone, other, order))
        check_found(checker, INVARIANT_BUDDY_MERGE, address, "order %u", order);
    return true;
}

/* Pages on the list of an area. */
static size_t check_area(struct checker *checker, const struct model_zone *zone,
                         struct area which)
{
    const struct buddy *buddy = &zone->zone.buddy;
    const struct free_area *area = area_of(zone, which);
    uint32_t mask = which.small ? buddy->small_mask : buddy->order_mask;
    unsigned order = which.order;
    uintptr_t head = area_head(zone, checker->model->target, which);
    struct check_list list =
        check_list_begin(checker->model, head, &area->list);
    const struct model_zone *found;
    size_t count = 0;
    size_t pfn;

    while (check_list_next(&list, &found, &pfn) != NULL) {
        if (!check_block(checker, zone, found, pfn, which))
            break;
        count++;
    }
    if (list.broken) {
        check_found(checker, INVARIANT_BUDDY_LINKS, list.at,
                    "order %u, after %zu blocks", order, count);
    } else if (count != area->nr_free) {
        check_found(checker, INVARIANT_BUDDY_COUNT, head,
                    "order %u: %zu on the list, %zu counted", order, count,
                    area->nr_free);
    }
    if ((area->nr_free > 0) != ((mask >> order & 1) != 0))
        check_found(checker, INVARIANT_BUDDY_MASK, head, "order %u", order);
    return count << order;
}

/* What the tag of the block's page `index` must be; false: nothing. */
static bool tag_wanted(const struct block *block, size_t index, uint32_t *tag)
{
    switch (block->kind) {
    case BLOCK_SLAB:
        *tag = tag_make(block->heap_id, block->slab->cls);
        return true;
    case BLOCK_CACHE:
        *tag = tag_make(0, KIND_CACHE);
        return true;
    case BLOCK_RUN:
        *tag = index == 0 ? tag_make(0, KIND_RUN) : 0;
        return true;
    case BLOCK_USER:
        *tag = index == 0 ? tag_make(0, KIND_USER) : 0;
        return true;
    case BLOCK_SEGMENT:
        *tag = tag_make(block->heap_id, KIND_CHUNK);
        return true;
    case BLOCK_FREE:
    case BLOCK_LISTED:
        *tag = 0;
        return true;
    case BLOCK_MMAP:
    case BLOCK_MMAP_KEPT:
    case BLOCK_GUARDED:
    case BLOCK_META:
    case BLOCK_UNKNOWN:
    case NBLOCKKINDS:
        break;
    }
    return false;
}

/*
 * Tags come after the state and go before it: a thread that was stopped
 * between the two leaves one block without.
 */
static bool is_between(struct checker *checker, uint32_t tag, size_t index)
{
    if (tag != 0 || index != 0 || checker->may_be_untagged == 0)
        return false;
    checker->may_be_untagged--;
    checker->left_out++;
    return true;
}

static void check_tags(struct checker *checker, const struct block *block)
{
    uint32_t want;

    for (size_t i = 0; i < block->size >> PAGE_SHIFT; i++) {
        /* A page with samples may be any that blocks start in. */
        uint32_t tag = block->zone->tags[block->pfn + i];
        if ((tag & ~(uint32_t)KIND_SAMPLED) != 0)
            tag &= ~(uint32_t)KIND_SAMPLED;
        if (!tag_wanted(block, i, &want) || tag == want)
            continue;
        if (is_between(checker, tag, i))
            return;
        check_found(checker, INVARIANT_PAGE_TAG,
                    page_address(block->zone->zone.base, block->pfn + i),
                    "tag 0x%x on a %s page", tag,
                    block_kind_names[block->kind]);
        return;
    }
}

/* The length that the descriptor claims, in pages; 0: none. */
static size_t claimed_pages(const struct page *page)
{
    switch ((enum page_state)page->state) {
    case PAGE_BUDDY:
    case PAGE_PCP:
    case PAGE_SLAB:
    case PAGE_CACHE:
        return page->order <= MAX_ORDER ? (size_t)1 << page->order : 0;
    case PAGE_ARENA:
    case PAGE_RUN:
    case PAGE_USER:
        return page->npages;
    case PAGE_NONE:
        break;
    }
    return 0;
}

static void check_state(struct checker *checker, const struct block *block)
{
    const struct page *page = zone_page(block->zone, block->pfn);
    size_t claimed = claimed_pages(page);

    /* On its way from one state to another: no breach. */
    if (page->state == PAGE_NONE)
        return;
    if (page->state > PAGE_USER || claimed == 0 ||
        claimed << PAGE_SHIFT > block->size) {
        check_found(checker, INVARIANT_PAGE_STATE, block->start,
                    "state %u, %zu pages", page->state, claimed);
    }
}

static size_t dirty_pages(const struct block *block)
{
    size_t dirty = 0;

    for (size_t i = 0; i < block->size >> PAGE_SHIFT; i++)
        dirty += zone_is_dirty(block->zone, block->pfn + i);
    return dirty;
}

/* The page map, block by block, against the zone's sums. */
static void check_map(struct checker *checker, const struct model_zone *zone,
                      size_t listed)
{
    struct block_walk walk;
    struct block block;
    size_t free_pages = 0;
    size_t dirty = 0;

    block_walk_begin(&walk, checker->model);
    while (block_walk_next(&walk, &block)) {
        if (block.zone != zone || block.pfn == SIZE_MAX)
            continue;
        checker->blocks++;
        check_state(checker, &block);
        check_tags(checker, &block);
        if (block.kind == BLOCK_FREE) {
            free_pages += block.size >> PAGE_SHIFT;
            dirty += dirty_pages(&block);
        }
    }
    if (free_pages != listed || listed != zone->zone.buddy.nr_free) {
        check_found(checker, INVARIANT_BUDDY_TOTAL, zone->address,
                    "%zu pages in the map, %zu on lists, %zu counted",
                    free_pages, listed, zone->zone.buddy.nr_free);
    }
    if (zone->dirty != NULL && dirty != zone->zone.nr_dirty) {
        check_found(checker, INVARIANT_ZONE_DIRTY, zone->address,
                    "%zu bits, %zu counted", dirty, zone->zone.nr_dirty);
    }
}

static void check_zone(struct checker *checker, const struct model_zone *zone)
{
    size_t listed = 0;

    if (zone->torn) {
        checker->left_out++;
        return;
    }
    if (zone->zone.frontier > zone->zone.committed ||
        zone->zone.committed > zone->zone.npages) {
        check_found(checker, INVARIANT_ZONE_BOUNDS, zone->address,
                    "frontier %zu, committed %zu, npages %zu",
                    zone->zone.frontier, zone->zone.committed,
                    zone->zone.npages);
    }
    for (unsigned order = 0; order < NORDERS; order++)
        listed += check_area(checker, zone, (struct area){order, false});
    for (unsigned order = 0; order < PAGEBLOCK_ORDER; order++)
        listed += check_area(checker, zone, (struct area){order, true});
    check_map(checker, zone, listed);
}

/* Blocks that a heap or an object cache keeps at hand. */
static void check_page_list(struct checker *checker, uintptr_t address,
                            const struct page_list *pages)
{
    struct target *target = checker->model->target;
    uintptr_t head = address + far_offset(target, "page_list", "list");
    struct check_list list =
        check_list_begin(checker->model, head, &pages->list);
    const struct model_zone *zone;
    const struct page *page;
    size_t count = 0;
    size_t pfn;

    while ((page = check_list_next(&list, &zone, &pfn)) != NULL) {
        if (page->state != PAGE_PCP || page->order != pages->order) {
            check_found(checker, INVARIANT_PAGE_LIST,
                        page_address(zone->zone.base, pfn),
                        "state %u of order %u", page->state, page->order);
        }
        count++;
    }
    if (list.broken || count != pages->count) {
        check_found(checker, INVARIANT_PAGE_LIST, head,
                    "%zu on the list, %u counted%s", count, pages->count,
                    list.broken ? "; its links do not match" : "");
    }
}

void check_zones(struct checker *checker)
{
    const struct model *model = checker->model;
    const struct root_table *table = &target_root(model->target)->zones;
    size_t offset = far_offset(model->target, "heap", "page_lists");
    size_t stride = far_sizeof(model->target, TYPE_ID_page_list);
    uint64_t count = model->nzones;

    (void)far_number(model->target,
                     FAR_ADDRESS(target_root(model->target)->zone_count), 4,
                     &count);
    for (size_t i = 0; i < model->nzones; i++)
        check_zone(checker, &model->zones[i]);
    if (model->nzones < count) {
        check_found(checker, INVARIANT_ZONE_BOUNDS, FAR_ADDRESS(table->start),
                    "%zu of %lu zones make sense", model->nzones, count);
    }
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        if (heap->address == 0 || heap->torn)
            continue;
        for (unsigned order = 0; order < SLAB_ORDERS; order++) {
            check_page_list(checker, heap->address + offset + order * stride,
                            &heap->heap.page_lists[order]);
        }
    }
}
