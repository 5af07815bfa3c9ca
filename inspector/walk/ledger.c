/* SPDX-License-Identifier: MIT */
#include "walk/ledger.h"

#include "memory.h"
#include "walk/objects.h"

#include <stdlib.h>

const char *const share_names[NSHARES] = {
    [SHARE_LIVE] = "live",
    [SHARE_OVERHEAD] = "overhead",
    [SHARE_CACHED] = "thread caches",
    [SHARE_SLAB_FREE] = "free in slabs",
    [SHARE_CHUNK] = "free chunks",
    [SHARE_PAGES] = "free pages",
    [SHARE_KEPT] = "kept mappings",
    [SHARE_META] = "metadata",
    [SHARE_PURGED] = "purged",
    [SHARE_UNKNOWN] = "unknown",
};

const char *const share_meanings[NSHARES] = {
    [SHARE_LIVE] = "in the program's hands, as malloc_usable_size() has it",
    [SHARE_OVERHEAD] = "chunk headers, slots' alignment, rests of mappings",
    [SHARE_CACHED] = "free objects in threads' bins and on their way home: "
                     "bin_bytes and cache_bytes bound them",
    [SHARE_SLAB_FREE] = "slots without an object in slabs that others keep: "
                        "see pins",
    [SHARE_CHUNK] = "between live chunks, and tops: see pins; trim_threshold",
    [SHARE_PAGES] = "free, kept for the next need: dirty_min, dirty_ratio, "
                    "purge_delay; malloc_trim(0) gives them back",
    [SHARE_KEPT] = "freed mappings that wait for reuse: mmap_cache",
    [SHARE_META] = "liballoc's own: page maps, heaps, records",
    [SHARE_PURGED] = "given back already, but resident again or still",
    [SHARE_UNKNOWN] = "in the midst of a change, or damaged: see check",
};

enum { HUGE_SHIFT = 21 };

/* One unit of addresses that is being summed up. */
struct unit {
    uintptr_t index;
    size_t live;
    size_t resident;
};

struct builder {
    const struct model *model;
    struct ledger *ledger;
    struct resident resident;
    struct unit page;
    struct unit huge;
    struct unit slab;
};

static void unit_close(struct unit *unit, struct occupancy *occupancy)
{
    if (unit->resident > 0) {
        size_t tenth = (unit->live * 10 + unit->resident - 1) / unit->resident;
        tenth = tenth < NTENTHS ? tenth : NTENTHS - 1;
        occupancy->units[tenth]++;
        occupancy->resident[tenth] += unit->resident;
        occupancy->live[tenth] += unit->live;
    }
    unit->live = 0;
    unit->resident = 0;
}

static void unit_add(struct unit *unit, struct occupancy *occupancy,
                     uintptr_t index, size_t part, bool is_live)
{
    if (index != unit->index)
        unit_close(unit, occupancy);
    unit->index = index;
    unit->resident += part;
    unit->live += is_live ? part : 0;
}

/* Part of one system page. */
static void add_part(struct builder *builder, uintptr_t start, size_t part,
                     enum share share)
{
    struct ledger *ledger = builder->ledger;
    struct resident_use *use = &ledger->use[share];
    unsigned bits = resident_bits(&builder->resident, start);
    bool is_live = share == SHARE_LIVE;

    if ((bits & RESIDENT) == 0) {
        use->swapped += (bits & SWAPPED) != 0 ? part : 0;
        return;
    }
    use->resident += part;
    use->huge += (bits & HUGE) != 0 ? part : 0;
    unit_add(&builder->page, &ledger->occupancy[UNIT_PAGE],
             start / builder->resident.page, part, is_live);
    unit_add(&builder->huge, &ledger->occupancy[UNIT_HUGE], start >> HUGE_SHIFT,
             part, is_live);
    builder->slab.resident += part;
    builder->slab.live += is_live ? part : 0;
}

/* A stretch of addresses; how much of it is resident. */
static size_t add(struct builder *builder, uintptr_t start, size_t size,
                  enum share share)
{
    size_t before = builder->ledger->use[share].resident;
    uintptr_t end = start + size;

    builder->ledger->bytes[share] += size;
    while (start < end) {
        uintptr_t next =
            (start / builder->resident.page + 1) * builder->resident.page;
        size_t part = (next < end ? next : end) - start;
        add_part(builder, start, part, share);
        start += part;
    }
    return builder->ledger->use[share].resident - before;
}

/* Of what was just added, `bytes` were given back, though resident. */
static void move_purged(struct builder *builder, enum share share, size_t bytes)
{
    builder->ledger->use[share].resident -= bytes;
    builder->ledger->use[SHARE_PURGED].resident += bytes;
}

static enum share share_of(const struct object *object)
{
    switch (object->state) {
    case OBJECT_LIVE:
        return SHARE_LIVE;
    case OBJECT_BINNED:
    case OBJECT_SPARE:
    case OBJECT_REMOTE:
        return SHARE_CACHED;
    case OBJECT_FREE:
        if (object->block != BLOCK_SEGMENT)
            return SHARE_SLAB_FREE;
        return (object->flags & CHUNK_FREE) != 0 ? SHARE_CHUNK : SHARE_UNKNOWN;
    case OBJECT_TOP:
        return SHARE_CHUNK;
    case OBJECT_VIRGIN:
        return SHARE_SLAB_FREE;
    case OBJECT_DAMAGED:
    case NOBJECTSTATES:
        break;
    }
    return SHARE_UNKNOWN;
}

/*
 * A chunk owns the bytes from its size word on, up to the next one's: so
 * prev_size belongs to the chunk before, as the user data in it does.
 */
static void add_chunk(struct builder *builder, const struct object *object)
{
    enum share share = share_of(object);
    uintptr_t start = object->start + CHUNK_HEADER - CHUNK_OVERHEAD;
    size_t edges = 2 * builder->resident.page;

    builder->ledger->count[share]++;
    if (share == SHARE_LIVE) {
        (void)add(builder, start, CHUNK_OVERHEAD, SHARE_OVERHEAD);
        (void)add(builder, object->mem, object->usable, share);
        return;
    }
    size_t resident = add(builder, start, object->size, share);
    size_t dirty =
        object->clean < object->size ? object->size - object->clean : 0;
    if (object->clean > 0 && resident > dirty + edges)
        move_purged(builder, share, resident - dirty - edges);
}

static void add_segment(struct builder *builder, struct object_walk *walk,
                        const struct block *block)
{
    struct object object;

    /* The first chunk's prev_size, and the closing header's size. */
    (void)add(builder, block->start, CHUNK_OVERHEAD, SHARE_OVERHEAD);
    while (object_walk_in_block(walk, &object))
        add_chunk(builder, &object);
    (void)add(builder, block->start + block->size - CHUNK_OVERHEAD,
              CHUNK_OVERHEAD, SHARE_OVERHEAD);
}

/* Slots in the order of addresses, with what lies between them. */
static void add_slab(struct builder *builder, struct object_walk *walk,
                     const struct block *block)
{
    uintptr_t at = block->start;
    struct object object;

    builder->slab = (struct unit){0};
    while (object_walk_in_block(walk, &object)) {
        enum share share = share_of(&object);
        size_t front = object.mem - object.start;
        size_t usable = object.usable;
        (void)add(builder, at, object.start - at, SHARE_OVERHEAD);
        at = object.start + object.size;
        builder->ledger->count[share]++;
        if (share != SHARE_LIVE) {
            (void)add(builder, object.start, object.size, share);
            continue;
        }
        (void)add(builder, object.start, front, SHARE_OVERHEAD);
        (void)add(builder, object.mem, usable, SHARE_LIVE);
        (void)add(builder, object.mem + usable, object.size - front - usable,
                  SHARE_OVERHEAD);
    }
    bool is_known = walk->slots.count > 0;
    (void)add(builder, at, block->start + block->size - at,
              is_known ? SHARE_OVERHEAD : SHARE_UNKNOWN);
    unit_close(&builder->slab, &builder->ledger->occupancy[UNIT_SLAB]);
}

/* A free block: its clean pages should not be resident. */
static void add_free(struct builder *builder, const struct block *block)
{
    builder->ledger->count[SHARE_PAGES]++;
    for (size_t i = 0; i < block->size >> PAGE_SHIFT; i++) {
        bool dirty = block->kind == BLOCK_LISTED ||
                     zone_is_dirty(block->zone, block->pfn + i);
        (void)add(builder, block->start + (i << PAGE_SHIFT), PAGE_BYTES,
                  dirty ? SHARE_PAGES : SHARE_PURGED);
    }
}

/* Runs, pages of the program, mmapped chunks: one object each. */
static void add_whole(struct builder *builder, struct object_walk *walk,
                      const struct block *block)
{
    struct object object;

    if (!object_walk_in_block(walk, &object)) {
        (void)add(builder, block->start, block->size, SHARE_UNKNOWN);
        return;
    }
    builder->ledger->count[SHARE_LIVE]++;
    (void)add(builder, block->start, object.mem - block->start, SHARE_OVERHEAD);
    (void)add(builder, object.mem, block->start + block->size - object.mem,
              SHARE_LIVE);
}

static void add_simple(struct builder *builder, const struct block *block,
                       enum share share)
{
    builder->ledger->count[share]++;
    (void)add(builder, block->start, block->size, share);
}

static void add_block(struct builder *builder, struct object_walk *walk,
                      const struct block *block)
{
    switch (block->kind) {
    case BLOCK_FREE:
    case BLOCK_LISTED:
        add_free(builder, block);
        break;
    case BLOCK_SLAB:
    case BLOCK_CACHE:
        object_walk_block(walk, block);
        add_slab(builder, walk, block);
        break;
    case BLOCK_SEGMENT:
        object_walk_block(walk, block);
        add_segment(builder, walk, block);
        break;
    case BLOCK_RUN:
    case BLOCK_USER:
    case BLOCK_MMAP:
    case BLOCK_GUARDED:
        object_walk_block(walk, block);
        add_whole(builder, walk, block);
        break;
    case BLOCK_MMAP_KEPT:
        add_simple(builder, block, SHARE_KEPT);
        break;
    case BLOCK_META:
        add_simple(builder, block, SHARE_META);
        break;
    case BLOCK_UNKNOWN:
    case NBLOCKKINDS:
        add_simple(builder, block, SHARE_UNKNOWN);
        break;
    }
}

/* Behind the frontier: only huge pages reach there. */
static void add_untouched(struct builder *builder)
{
    for (size_t i = 0; i < builder->model->nzones; i++) {
        const struct zone *zone = &builder->model->zones[i].zone;
        uintptr_t start = page_address(zone->base, zone->frontier);
        if (zone->committed <= zone->frontier || zone->committed > zone->npages)
            continue;
        (void)add(builder, start,
                  (zone->committed - zone->frontier) << PAGE_SHIFT,
                  SHARE_PURGED);
    }
}

static void sum_up(struct builder *builder)
{
    struct ledger *ledger = builder->ledger;

    unit_close(&builder->page, &ledger->occupancy[UNIT_PAGE]);
    unit_close(&builder->huge, &ledger->occupancy[UNIT_HUGE]);
    ledger->known = builder->resident.known;
    for (unsigned i = 0; i < NSHARES; i++)
        ledger->total += ledger->use[i].resident;
}

struct ledger *ledger_take(const struct model *model)
{
    static struct object_walk walk;
    struct builder builder = {
        .model = model,
        .ledger = xcalloc(1, sizeof *builder.ledger),
    };
    struct freelist *freelist = freelist_build(model, NULL, NULL);
    struct block_walk blocks;
    struct block block;

    resident_begin(&builder.resident, model->target);
    object_walk_begin(&walk, model, freelist);
    block_walk_begin(&blocks, model);
    while (block_walk_next(&blocks, &block))
        add_block(&builder, &walk, &block);
    add_untouched(&builder);
    builder.ledger->unread = walk.unread + walk.faults + freelist->unverified;
    sum_up(&builder);
    builder.ledger->rss = ledger_rss(model, &builder.resident);
    object_walk_end(&walk);
    resident_end(&builder.resident);
    freelist_free(freelist);
    return builder.ledger;
}

double ledger_residue(const struct ledger *ledger)
{
    double gap = (double)ledger->rss - (double)ledger->total;

    if (ledger->rss == 0)
        return 0;
    return (gap < 0 ? -gap : gap) / (double)ledger->rss;
}
