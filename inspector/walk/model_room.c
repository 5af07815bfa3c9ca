/* SPDX-License-Identifier: MIT */
/*
 * Room for the copies of page maps.  To fault it in takes longer than to copy
 * what lies in it, so where a process will have to stand for the copy, room is
 * made and faulted in before it is stopped.
 */
#include "memory.h"
#include "walk/far_list.h"
#include "walk/model_load.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    SLACK = 1024, /* pages by which a zone may grow until it stands */
    HUGE_BYTES = 2 << 20,
};

void *sparse_alloc(size_t size)
{
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return mem != MAP_FAILED ? mem : NULL;
}

void sparse_free(void *mem, size_t size)
{
    if (mem != NULL)
        (void)munmap(mem, size);
}

size_t bitmap_words(size_t first, size_t npages)
{
    return npages / MODEL_WORDS + 1 - first / MODEL_WORDS;
}

static size_t bitmap_bytes(const struct model_zone *zone)
{
    return bitmap_words(zone->first, zone->room) * sizeof(uint64_t);
}

static size_t pages_bytes(const struct model_zone *zone)
{
    size_t size = (zone->room - zone->first + 1) * sizeof *zone->pages;

    /* Kernels align whole huge pages, as they do not what ends in one. */
    return size < HUGE_BYTES ? size
                             : (size + HUGE_BYTES - 1) & -(size_t)HUGE_BYTES;
}

static size_t tags_bytes(const struct model_zone *zone)
{
    return (zone->room + 1) * sizeof *zone->tags;
}

void room_free_dirty(struct model_zone *zone)
{
    sparse_free(zone->dirty, bitmap_bytes(zone));
    zone->dirty = NULL;
}

void room_free_small(struct model_zone *zone)
{
    sparse_free(zone->small, bitmap_bytes(zone));
    zone->small = NULL;
}

void room_free(struct model_zone *zone)
{
    sparse_free(zone->pages, pages_bytes(zone));
    sparse_free(zone->tags, tags_bytes(zone));
    sparse_free(zone->heads, bitmap_bytes(zone));
    room_free_dirty(zone);
    room_free_small(zone);
    zone->pages = NULL;
    zone->tags = NULL;
    zone->heads = NULL;
}

/* For [first, first + room) of zone; false: no memory. */
static bool room_alloc(struct model_zone *zone, size_t room)
{
    zone->room = room;
    zone->pages = sparse_alloc(pages_bytes(zone));
    zone->tags = sparse_alloc(tags_bytes(zone));
    zone->dirty = sparse_alloc(bitmap_bytes(zone));
    zone->small = sparse_alloc(bitmap_bytes(zone));
    zone->heads = sparse_alloc(bitmap_bytes(zone));
    /* To copy into them takes half as long. */
    if (zone->pages != NULL && pages_bytes(zone) >= HUGE_BYTES)
        (void)madvise(zone->pages, pages_bytes(zone), MADV_HUGEPAGE);
    return zone->pages != NULL && zone->tags != NULL && zone->dirty != NULL &&
           zone->small != NULL && zone->heads != NULL;
}

/* An older kernel faults them in as they are written to: only later. */
static void populate(void *mem, size_t size)
{
#ifdef MADV_POPULATE_WRITE
    uintptr_t start = (uintptr_t)mem & ~(uintptr_t)(COPY_LEAST - 1);
    uintptr_t end = (uintptr_t)mem + size;

    (void)madvise((void *)start, end - start, MADV_POPULATE_WRITE);
#else
    (void)mem;
    (void)size;
#endif
}

void rooms_make(struct model *model)
{
    uint64_t count = 0;

    if (!zone_count(model, &count))
        return;
    model->rooms = xcalloc((size_t)count, sizeof *model->rooms);
    model->nrooms = (size_t)count;
    for (size_t i = 0; i < count; i++) {
        struct model_zone *zone = &model->rooms[i];
        if (!zone_look(model, i, zone))
            continue;
        size_t used = zone->npages - zone->first;
        if (!room_alloc(zone, zone->npages + SLACK)) {
            room_free(zone);
            continue;
        }
        populate(zone->pages, used * sizeof *zone->pages);
        populate(zone->tags + zone->first, used * sizeof *zone->tags);
        populate(zone->dirty, bitmap_bytes(zone));
        populate(zone->small, bitmap_bytes(zone));
    }
}

bool room_take(struct model *model, struct model_zone *zone)
{
    size_t index = zone->zone.index;

    if (index < model->nrooms) {
        struct model_zone *room = &model->rooms[index];
        if (room->pages != NULL && room->first == zone->first &&
            room->room >= zone->npages) {
            zone->room = room->room;
            zone->pages = room->pages;
            zone->tags = room->tags;
            zone->dirty = room->dirty;
            zone->small = room->small;
            zone->heads = room->heads;
            *room = (struct model_zone){0};
            return true;
        }
    }
    return room_alloc(zone, zone->npages);
}

void rooms_free(struct model *model)
{
    for (size_t i = 0; i < model->nrooms; i++)
        room_free(&model->rooms[i]);
    free(model->rooms);
    model->rooms = NULL;
    model->nrooms = 0;
}
