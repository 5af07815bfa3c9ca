/* SPDX-License-Identifier: MIT */
#include "arena/segment.h"

#include "arena/bins.h"
#include "arena/chunk.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/list.h"
#include "os/os_mem.h"
#include "page/zone.h"

enum {
    RETURN_MIN = 512 * KIB, /* free pages inside a segment worth giving back */
    WHOLE_MIN = 2 * MIB,    /* dirty, beside which small segments go, too */
};

struct chunk *segment_close(uintptr_t end, bool prev_inuse)
{
    struct chunk *last = chunk_at(end - CHUNK_HEADER);

    chunk_set(last, 0, prev_inuse ? PREV_INUSE : 0);
    return last;
}

struct page *segment_of(const struct arena *arena, uintptr_t address)
{
    struct page_ref ref;

    if (!page_lookup(address, &ref))
        return NULL;
    struct page *page = zone_last_start(ref.zone, ref.pfn);
    ASSERT(1, page == NULL || page->owner == arena);
    return page;
}

void segment_tag(const struct arena *arena, struct page *page, size_t from,
                 size_t npages)
{
    tag_set(page_zone(page), page_number(page) + from, npages,
            tag_make(arena->heap_id, KIND_CHUNK));
}

static void segment_untag(struct page *page, size_t from, size_t npages)
{
    page[from].zone = page->zone;
    tag_set(page_zone(page), page_number(page) + from, npages, 0);
}

void segment_cut(struct page *page, size_t from, size_t npages)
{
    segment_untag(page, from, npages);
    zone_free_run(page + from, npages);
}

void segment_add(struct arena *arena, struct page *page, size_t npages)
{
    page_set_state(page, PAGE_ARENA);
    page->npages = (uint32_t)npages;
    page->owner = arena;
    list_insert(&arena->segments, &page->lru);
    zone_mark_start(page, true);
}

void segment_remove(struct page *page)
{
    list_remove(&page->lru);
    zone_mark_start(page, false);
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

/* Of a segment, the pages [from, to) that lie in a free chunk. */
struct hole {
    struct page *page; /* the segment */
    uintptr_t start;   /* of the segment */
    uintptr_t end;
    uintptr_t from;
    uintptr_t to;
};

/*
 *   |..used..|chunk ............................ |used...|
 *            |front|C|  whole pages, to the zone |back   |
 */
static bool find_hole(const struct arena *arena, uintptr_t start, uintptr_t end,
                      struct hole *hole)
{
    hole->page = segment_of(arena, start);
    if (hole->page == NULL)
        return false;
    hole->start = (uintptr_t)page_mem(hole->page);
    hole->end = hole->start + ((uintptr_t)hole->page->npages << PAGE_SHIFT);
    hole->from = start == hole->start
                     ? start
                     : round_up(start + CHUNK_MIN + CHUNK_HEADER, PAGE_BYTES);
    hole->to = end + CHUNK_HEADER == hole->end
                   ? hole->end
                   : round_down(end - CHUNK_MIN, PAGE_BYTES);
    return hole->to > hole->from;
}

/* The hole is the segment's no longer; returns its first page. */
static struct page *cut_out(struct arena *arena, struct chunk *chunk,
                            uintptr_t end, const struct hole *hole)
{
    struct page *page = hole->page;
    size_t before = (hole->from - hole->start) >> PAGE_SHIFT;
    size_t npages = (hole->to - hole->from) >> PAGE_SHIFT;
    struct page *behind = page + before + npages;

    chunk_wipe(chunk);
    if (before == 0) {
        segment_remove(page);
    } else {
        page->npages = (uint32_t)before;
    }
    if (hole->to < hole->end) {
        behind->zone = page->zone;
        segment_add(arena, behind, (hole->end - hole->to) >> PAGE_SHIFT);
        leave_back(arena, behind, end);
    }
    if (before != 0) {
        chunk_set(chunk, 0, PREV_INUSE | segment_flag(arena));
        leave_front(arena, chunk, hole->from);
    }
    arena->system_mem -= npages << PAGE_SHIFT;
    segment_untag(page, before, npages);
    return page + before;
}

struct page *segment_filled(const struct arena *arena,
                            const struct chunk *chunk, size_t size)
{
    struct page_ref ref;

    if ((uintptr_t)chunk % PAGE_BYTES != 0 ||
        (size + CHUNK_HEADER) % PAGE_BYTES != 0 ||
        !page_lookup((uintptr_t)chunk, &ref) || ref.pfn < ref.zone->first)
        return NULL;
    struct page *page = page_of(&ref);
    bool is_filled = page_state(page) == PAGE_ARENA && page->owner == arena &&
                     (size_t)page->npages << PAGE_SHIFT == size + CHUNK_HEADER;
    return is_filled ? page : NULL;
}

void segment_return_filled(struct arena *arena, struct page *page,
                           bool is_purged)
{
    /* System pages that reach out of the chunk are resident yet. */
    size_t unit = max_size(os_page_size(), PAGE_BYTES);
    size_t npages = page->npages;
    uintptr_t start = (uintptr_t)page_mem(page);
    uintptr_t end = start + (npages << PAGE_SHIFT) - CHUNK_HEADER;
    uintptr_t from = round_up(start + sizeof(struct chunk), unit);
    uintptr_t to = is_purged ? max_size(round_down(end, unit), from) : from;

    chunk_wipe(chunk_at(start));
    segment_remove(page);
    arena->system_mem -= npages << PAGE_SHIFT;
    segment_untag(page, 0, npages);
    from = min_size(from - start, npages << PAGE_SHIFT) >> PAGE_SHIFT;
    to = min_size(to - start, npages << PAGE_SHIFT) >> PAGE_SHIFT;
    zone_free_purged_run(page, npages, from, to);
}

/*
 * The chunk is all of its segment, and the arena has much else that is free:
 * what needs pages shall find them.
 */
static bool return_whole(struct arena *arena, struct chunk *chunk, size_t size)
{
    if (arena->dirty < WHOLE_MIN)
        return false;
    struct page *page = segment_filled(arena, chunk, size);
    if (page == NULL)
        return false;
    segment_return_filled(arena, page, false);
    return true;
}

bool segment_return(struct arena *arena, struct chunk *chunk, size_t size)
{
    uintptr_t end = (uintptr_t)chunk + size;
    struct hole hole;

    if (size < RETURN_MIN)
        return return_whole(arena, chunk, size);
    if (!find_hole(arena, (uintptr_t)chunk, end, &hole) ||
        hole.to < hole.from + RETURN_MIN / 2)
        return false;
    struct page *page = cut_out(arena, chunk, end, &hole);
    zone_free_run(page, (hole.to - hole.from) >> PAGE_SHIFT);
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
