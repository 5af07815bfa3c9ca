/* SPDX-License-Identifier: MIT */
#include "leak/leaks.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_MIN = 256 };

/* Groups by what their blocks have in common: open addressing. */
struct grouping {
    struct leaks *leaks;
    const struct leak_lore *lore;
    size_t *places; /* index in groups + 1; 0: empty */
    size_t room;    /* power of two */
};

void leak_describe(const struct leak_index *index, const struct leak_ref *ref,
                   struct leak_group *group)
{
    struct block block;

    *group = (struct leak_group){.size = index_size(index, ref),
                                 .kind = BLOCK_MMAP,
                                 .example = ref->start};
    if (!block_at(index->model, ref->start, &block))
        return;
    group->kind = block.kind;
    group->heap_id = block.heap_id;
    /* Bounds are multiples of 16: a chunk's memory ends 8 bytes before. */
    if (block.kind == BLOCK_SEGMENT)
        group->size -= CHUNK_OVERHEAD;
}

/* By stack, or, where that is not known, by all else. */
static bool is_same(const struct leak_group *a, const struct leak_group *b)
{
    if (a->direct != b->direct || a->stack != b->stack)
        return false;
    return a->stack != 0 || (a->kind == b->kind && a->heap_id == b->heap_id &&
                             a->size == b->size);
}

static size_t *place_of(const struct grouping *grouping,
                        const struct leak_group *group)
{
    uint64_t key = (uint64_t)group->stack * 2 + group->direct;

    if (group->stack == 0)
        key ^= (group->size * 4) ^ ((uint64_t)group->heap_id << 40);
    key *= 0x9e3779b97f4a7c15u;
    key = (key ^ key >> 29) * 0xbf58476d1ce4e5b9u;
    size_t i = (size_t)(key >> 32) & (grouping->room - 1);
    while (grouping->places[i] != 0 &&
           !is_same(&grouping->leaks->groups[grouping->places[i] - 1], group))
        i = (i + 1) & (grouping->room - 1);
    return &grouping->places[i];
}

static void make_room(struct grouping *grouping)
{
    const struct leaks *leaks = grouping->leaks;

    if (leaks->ngroups < grouping->room / 2)
        return;
    grouping->room = grouping->room != 0 ? grouping->room * 2 : ROOM_MIN;
    free(grouping->places);
    grouping->places = xcalloc(grouping->room, sizeof *grouping->places);
    for (size_t i = 0; i < leaks->ngroups; i++)
        *place_of(grouping, &leaks->groups[i]) = i + 1;
}

/* The group of a block; it counts it. */
static struct leak_group *count(struct grouping *grouping,
                                const struct leak_ref *ref, bool direct)
{
    struct leaks *leaks = grouping->leaks;
    const struct leak_lore *lore = grouping->lore;
    struct leak_group group;

    leak_describe(leaks->index, ref, &group);
    group.direct = direct;
    if (lore->stack_of != NULL)
        group.stack = lore->stack_of(lore->data, ref->start);
    make_room(grouping);
    size_t *place = place_of(grouping, &group);
    if (*place == 0) {
        leaks->groups =
            xgrow(leaks->groups, leaks->ngroups, sizeof *leaks->groups);
        leaks->groups[leaks->ngroups++] = group;
        *place = leaks->ngroups;
    }
    struct leak_group *found = &leaks->groups[*place - 1];
    found->objects++;
    found->bytes += group.size;
    if (found->size != group.size)
        found->size = 0;
    if (found->heap_id != group.heap_id)
        found->heap_id = 0;
    *(direct ? &leaks->direct_objects : &leaks->indirect_objects) += 1;
    *(direct ? &leaks->direct_bytes : &leaks->indirect_bytes) += group.size;
    return found;
}

/* What a flood came to. */
struct flood {
    const struct leak_index *index;
    size_t objects;
    size_t bytes;
};

static void add_block(void *data, const struct leak_ref *ref)
{
    struct flood *flood = data;
    struct leak_group group;

    leak_describe(flood->index, ref, &group);
    flood->objects++;
    flood->bytes += group.size;
}

/* What a suppressed block leads to goes with it. */
static void drop_suppressed(struct leaks *leaks, const struct leak_lore *lore,
                            struct reach *reach)
{
    struct leak_cursor cursor = {0};
    struct flood *flood = reach->data;
    struct leak_ref ref;

    if (lore->is_suppressed == NULL || lore->stack_of == NULL)
        return;
    reach->on_block = add_block;
    while (index_next(leaks->index, BIT_LIVE, &cursor, &ref)) {
        uint32_t stack = lore->stack_of(lore->data, ref.start);
        if (stack == 0 || !lore->is_suppressed(lore->data, stack))
            continue;
        reach_block(reach, &ref);
        reach_drain(reach);
    }
    reach->on_block = NULL;
    leaks->suppressed_objects = flood->objects;
    leaks->suppressed_bytes = flood->bytes;
    index_drop_marked(leaks->index);
}

static void clear_marks(struct leak_index *index)
{
    index_clear(index, BIT_MARKED);
    index_clear(index, BIT_SCANNED);
}

/*
 * By address, each block that those before do not lead to may be a head: all
 * others hang from these.
 */
static void find_heads(struct leak_index *index, struct reach *reach)
{
    struct leak_cursor cursor = {0};
    struct leak_ref ref;

    clear_marks(index);
    while (index_next(index, BIT_LIVE, &cursor, &ref)) {
        if (ref_test(index, &ref, BIT_MARKED))
            continue;
        ref_set(index, &ref, BIT_HEAD);
        reach_block(reach, &ref);
        reach_drain(reach);
    }
}

/*
 * Backwards: no head leads to a later one, or that would not be one.  So one
 * that no later one leads to is a head for good, and there can be no fewer.
 */
static void count_heads(struct grouping *grouping, struct reach *reach)
{
    struct leak_index *index = grouping->leaks->index;
    struct flood *flood = reach->data;
    struct leak_cursor cursor = {0};
    struct leak_ref ref;

    clear_marks(index);
    reach->on_block = add_block;
    while (index_prev(index, BIT_HEAD, &cursor, &ref)) {
        if (ref_test(index, &ref, BIT_MARKED)) {
            ref_clear(index, &ref, BIT_HEAD);
            continue;
        }
        struct leak_group *group = count(grouping, &ref, true);
        struct leak_group own;
        leak_describe(index, &ref, &own);
        flood->objects = 0;
        flood->bytes = 0;
        reach_block(reach, &ref);
        reach_drain(reach);
        group->indirect_objects += flood->objects - 1;
        group->indirect_bytes += flood->bytes - own.size;
        group->example = ref.start;
    }
    reach->on_block = NULL;
}

static void count_indirect(struct grouping *grouping)
{
    struct leak_index *index = grouping->leaks->index;
    struct leak_cursor cursor = {0};
    struct leak_ref ref;

    while (index_next(index, BIT_LIVE, &cursor, &ref)) {
        if (!ref_test(index, &ref, BIT_HEAD))
            (void)count(grouping, &ref, false);
    }
}

static int by_size(const void *left, const void *right)
{
    const struct leak_group *a = left;
    const struct leak_group *b = right;
    size_t all_a = a->bytes + a->indirect_bytes;
    size_t all_b = b->bytes + b->indirect_bytes;

    if (a->direct != b->direct)
        return a->direct ? -1 : 1;
    if (all_a != all_b)
        return all_a < all_b ? 1 : -1;
    return (a->example > b->example) - (a->example < b->example);
}

void leaks_find(const struct model *model, const struct freelist *freelist,
                bool interior, const struct leak_lore *lore,
                struct leaks *leaks)
{
    struct grouping grouping = {.leaks = leaks, .lore = lore};
    struct flood flood = {0};
    struct reach reach;

    *leaks = (struct leaks){0};
    roots_find(model, &leaks->roots);
    leaks->index =
        index_build(model, freelist, roots_add_damaged, &leaks->roots);
    leaks->blocks = leaks->index->blocks;
    leaks->bytes = leaks->index->bytes;
    leaks->unread = leaks->index->unread;
    reach_begin(&reach, leaks->index, model->target, interior);
    flood.index = leaks->index;
    reach.data = &flood;
    roots_mark(&leaks->roots, &reach);
    reach_drain(&reach);
    leaks->scanned = reach.scanned;
    index_drop_marked(leaks->index);
    drop_suppressed(leaks, lore, &reach);
    find_heads(leaks->index, &reach);
    count_heads(&grouping, &reach);
    count_indirect(&grouping);
    leaks->unreadable = reach.unreadable;
    if (leaks->ngroups > 1) {
        qsort(leaks->groups, leaks->ngroups, sizeof *leaks->groups, by_size);
    }
    free(grouping.places);
    reach_end(&reach);
}

void leaks_free(struct leaks *leaks)
{
    index_free(leaks->index);
    roots_free(&leaks->roots);
    free(leaks->groups);
    *leaks = (struct leaks){0};
}
