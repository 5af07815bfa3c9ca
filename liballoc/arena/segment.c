/* SPDX-License-Identifier: MIT */
#include "arena/segment.h"

#include "arena/bins.h"
#include "arena/chunk.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/list.h"
#include "page/zone.h"

enum {
    RETURN_MIN = 512 * KIB, /* free pages inside a segment worth giving back */
};

struct chunk *segment_close(uintptr_t end, bool prev_inuse)
{
    struct chunk *last = chunk_at(end - CHUNK_HEADER);

    chunk_set(last, 0, prev_inuse ? PREV_INUSE : 0);
    return last;
}

struct page *segment_of(const struct arena *arena, uintptr_t address)
{
    list_for_each (it, &arena->segments) {
        struct page *page = CONTAINER_OF(it, struct page, lru);
        uintptr_t start = (uintptr_t)page_mem(page);
        if (address >= start &&
            address < start + ((uintptr_t)page->npages << PAGE_SHIFT))
            return page;
    }
    return NULL;
}

void segment_tag(const struct arena *arena, struct page *page, size_t from,
                 size_t npages)
{
    tag_set(page_zone(page), page_number(page) + from, npages,
            tag_make(arena->heap_id, KIND_CHUNK));
}

void segment_cut(struct page *page, size_t from, size_t npages)
{
    page[from].zone = page->zone;
    tag_set(page_zone(page), page_number(page) + from, npages, 0);
    zone_free_run(page + from, npages);
}

void segment_add(struct arena *arena, struct page *page, size_t npages)
{
    page_set_state(page, PAGE_ARENA);
    page->npages = (uint32_t)npages;
    page->owner = arena;
    list_insert(&arena->segments, &page->lru);
}

/* What is left before the hole: a free chunk and a closing header. */
static void leave_front(struct arena *arena, struct chunk *chunk,
                        uintptr_t stop)
{
    size_t size = stop - CHUNK_HEADER - (uintptr_t)chunk;

    segment_close(stop, false)->prev_size = size;
    bins_insert(arena, chunk, size, 0);
}

/* What is left behind the hole: a segment that starts with a free chunk. */
static void leave_back(struct arena *arena, struct page *page, uintptr_t end)
{
    struct chunk *chunk = chunk_at((uintptr_t)page_mem(page));
    size_t size = end - (uintptr_t)chunk;

    chunk_set(chunk, size, PREV_INUSE | segment_flag(arena));
    chunk_set_prev_inuse(chunk_after(chunk, size), false);
    chunk_after(chunk, size)->prev_size = size;
    bins_insert(arena, chunk, size, 0);
}

/*
 *   |..used..|chunk ............................ |used...|
 *            |front|C|  whole pages, to the zone |back   |
 */
bool segment_return(struct arena *arena, struct chunk *chunk, size_t size)
{
    uintptr_t start = (uintptr_t)chunk;
    uintptr_t end = start + size;

    if (size < RETURN_MIN)
        return false;
    struct page *page = segment_of(arena, start);
    if (page == NULL)
        return false;
    uintptr_t seg_start = (uintptr_t)page_mem(page);
    uintptr_t seg_end = seg_start + ((uintptr_t)page->npages << PAGE_SHIFT);
    uintptr_t from =
        start == seg_start
            ? start
            : round_up(start + CHUNK_MIN + CHUNK_HEADER, PAGE_BYTES);
    uintptr_t to = end + CHUNK_HEADER == seg_end
                       ? seg_end
                       : round_down(end - CHUNK_MIN, PAGE_BYTES);
    if (to < from + RETURN_MIN / 2)
        return false;
    size_t hole = (to - from) >> PAGE_SHIFT;
    struct page *first = page + ((from - seg_start) >> PAGE_SHIFT);
    chunk_wipe(chunk);
    if (from == start) {
        list_remove(&page->lru);
    } else {
        page->npages = (uint32_t)((from - seg_start) >> PAGE_SHIFT);
    }
    if (to < seg_end) {
        segment_add(arena, first + hole, (seg_end - to) >> PAGE_SHIFT);
        first[hole].zone = page->zone;
        leave_back(arena, first + hole, end);
    }
    if (from != start) {
        chunk_set(chunk, 0, PREV_INUSE | segment_flag(arena));
        leave_front(arena, chunk, from);
    }
    arena->system_mem -= hole << PAGE_SHIFT;
    segment_cut(page, (from - seg_start) >> PAGE_SHIFT, hole);
    return true;
}

void segment_walk(struct arena *arena,
                  void (*visit)(struct arena *arena, struct segment segment,
                                void *data),
                  void *data)
{
    list_for_each (it, &arena->segments) {
        struct page *page = CONTAINER_OF(it, struct page, lru);
        uintptr_t start = (uintptr_t)page_mem(page);
        struct segment segment = {
            start, start + ((uintptr_t)page->npages << PAGE_SHIFT)};
        visit(arena, segment, data);
    }
    for (size_t i = 0; i < arena->nr_brk_old; i++)
        visit(arena, arena->brk_old[i], data);
    if (arena->brk.end != 0)
        visit(arena, arena->brk, data);
}
