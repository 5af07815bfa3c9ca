/* SPDX-License-Identifier: MIT */
#include "arena/top.h"

#include "arena/bins.h"
#include "arena/chunk.h"
#include "arena/segment.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/list.h"
#include "base/tunables.h"
#include "os/os_mem.h"
#include "page/reclaim.h"
#include "page/zone.h"

enum {
    GROW_MIN = 64 * KIB, /* of an arena, but for its first run */
    GROW_MAX = 32 * MIB,
    GROW_PART = 32, /* of what the arena has: untouched top is idle */
    FREE_PART = 64, /* of what is wanted: a free run worth a segment */
};

size_t top_size(const struct arena *arena)
{
    const struct chunk *top = arena->top;

    if (top == NULL)
        return 0;
    /* "House of force": whoever overruns the last chunk writes here. */
    if (UNLIKELY(!chunk_is_valid(top)))
        fatal("corrupted top size", chunk_to_mem(top));
    return chunk_size(top);
}

/* Top is no longer top: what is left of it becomes an ordinary free chunk. */
static void top_retire(struct arena *arena)
{
    struct chunk *top = arena->top;

    arena->top = NULL;
    if (top == NULL)
        return;
    size_t size = chunk_size(top);
    struct chunk *next = chunk_after(top, size);
    if (size == 0)
        return;
    chunk_set_prev_inuse(next, false);
    next->prev_size = size;
    bins_insert(arena, top, size, 0);
}

/* [start, end) is new: all of it becomes top. */
static void top_start(struct arena *arena, uintptr_t start, uintptr_t end)
{
    struct chunk *top = chunk_at(start);

    top_retire(arena);
    chunk_set(top, end - CHUNK_HEADER - start,
              PREV_INUSE | segment_flag(arena));
    segment_close(end, true);
    top_mark(top);
    arena->top = top;
}

/* Top's segment now ends at `end`. */
static void top_extend(struct arena *arena, uintptr_t end)
{
    struct chunk *top = arena->top;

    chunk_wipe(chunk_next(top));
    chunk_set(top, end - CHUNK_HEADER - (uintptr_t)top, chunk_flags(top));
    segment_close(end, true);
}

/*
 * Growing in proportion keeps the number of segments logarithmic.  The first
 * run is small: many threads have but a few chunks.
 */
static size_t grow_step(const struct arena *arena)
{
    if (arena->system_mem == 0)
        return PAGE_BYTES;
    return clamp_size(arena->system_mem / GROW_PART, GROW_MIN, GROW_MAX);
}

static struct page *top_segment(const struct arena *arena)
{
    return segment_of(arena, (uintptr_t)arena->top);
}

/* More pages right behind top's run. */
static bool grow_in_place(struct arena *arena, size_t npages)
{
    struct page *page = top_segment(arena);

    if (page == NULL || zone_run_crawls(page, page->npages, npages) ||
        !zone_extend_run(page, page->npages, npages))
        return false;
    segment_tag(arena, page, page->npages, npages);
    page->npages += (uint32_t)npages;
    arena->system_mem += npages << PAGE_SHIFT;
    top_extend(arena, (uintptr_t)page_mem(page) +
                          ((uintptr_t)page->npages << PAGE_SHIFT));
    return true;
}

/*
 * A run from what is free already, down to a small part of what is wanted: a
 * large arena would else ask for stretches that no zone has any longer, and
 * crawl through the addresses, over ever more free memory.
 */
static struct page *run_of_free(size_t *npages, size_t need)
{
    size_t least = max_size(need, *npages / FREE_PART);

    for (size_t n = *npages;; n = max_size(n / 2, least)) {
        struct page *page = zone_alloc_free_run(n);
        if (page != NULL) {
            *npages = n;
            return page;
        }
        if (n <= least)
            return NULL;
    }
}

/* A new segment of that run, with top in it. */
static void segment_start(struct arena *arena, struct page *page, size_t npages)
{
    segment_add(arena, page, npages);
    segment_tag(arena, page, 0, npages);
    arena->system_mem += npages << PAGE_SHIFT;
    uintptr_t start = (uintptr_t)page_mem(page);
    top_start(arena, start, start + (npages << PAGE_SHIFT));
}

/*
 * Many pages are free, and resident: the main arena takes of these before it
 * moves the break.
 */
static bool grow_by_free_run(struct arena *arena, size_t size)
{
    size_t need = (size + CHUNK_HEADER + PAGE_BYTES - 1) >> PAGE_SHIFT;
    size_t npages = max_size(need, grow_step(arena) >> PAGE_SHIFT);

    if (zone_dirty_pages() << PAGE_SHIFT <= tunables.dirty_min)
        return false;
    struct page *page = run_of_free(&npages, need);
    if (page == NULL)
        return false;
    segment_start(arena, page, npages);
    return true;
}

static bool grow_by_run(struct arena *arena, size_t size)
{
    size_t need = (size + CHUNK_HEADER + PAGE_BYTES - 1) >> PAGE_SHIFT;
    size_t npages = max_size(need, grow_step(arena) >> PAGE_SHIFT);
    size_t lacking = size > top_size(arena) ? size - top_size(arena) : 0;
    size_t more = (lacking + PAGE_BYTES - 1) >> PAGE_SHIFT;
    bool fresh;

    if (grow_in_place(arena, max_size(more, npages / 4 + 1)))
        return true;
    struct page *page = run_of_free(&npages, need);
    if (page == NULL)
        page = zone_alloc_run(npages, 0, &fresh);
    if (page == NULL && npages > need) {
        npages = need;
        page = zone_alloc_run(npages, 0, &fresh);
    }
    if (page == NULL)
        return false;
    segment_start(arena, page, npages);
    return true;
}

/* True while nobody else has moved the break since we did. */
static bool brk_is_ours(const struct arena *arena)
{
    return arena->brk.end != 0 && (uintptr_t)os_brk_current() == arena->brk.end;
}

/* The current stretch of brk, if any, has ended. */
static void brk_end(struct arena *arena)
{
    if (arena->brk.end != 0)
        arena->brk_old[arena->nr_brk_old++] = arena->brk;
    arena->brk = (struct segment){0, 0};
}

/* Undoes a brk that turned out useless. */
static bool brk_undo(size_t size)
{
    os_brk_move(-(intptr_t)size);
    return false;
}

/* Break moved by others: a new stretch, aligned, after theirs. */
static bool brk_start(struct arena *arena, size_t size)
{
    uintptr_t now = (uintptr_t)os_brk_current();
    size_t lead = round_up(now, 64) - now;
    size_t total =
        round_up(now + lead + size + CHUNK_HEADER, os_page_size()) - now;

    if (now == 0 || arena->nr_brk_old == NBRK_OLD ||
        os_brk_move((intptr_t)total) != (void *)now)
        return false;
    uintptr_t end = now + total;
    if (!tag_set_brk(now + lead, end, tag_make(arena->heap_id, KIND_CHUNK)))
        return brk_undo(total);
    brk_end(arena);
    arena->system_mem += total - lead;
    reclaim_note_outside((intptr_t)(total - lead), 0);
    top_start(arena, now + lead, end);
    arena->brk.start = now + lead;
    arena->brk.end = end;
    return true;
}

static bool top_is_brk(const struct arena *arena)
{
    uintptr_t top = (uintptr_t)arena->top;

    return top >= arena->brk.start && top < arena->brk.end;
}

static bool grow_by_brk(struct arena *arena, size_t size)
{
    size_t pad = max_size(tunables.top_pad, grow_step(arena) / 2);

    if (!brk_is_ours(arena))
        return brk_start(arena, size + pad);
    if (!top_is_brk(arena))
        return false;
    uintptr_t end = arena->brk.end;
    size_t lacking = size > top_size(arena) ? size - top_size(arena) : 0;
    size_t more = round_up(lacking + pad, os_page_size());
    if (os_brk_move((intptr_t)more) != (void *)end)
        return false;
    if (!tag_set_brk(end, end + more, tag_make(arena->heap_id, KIND_CHUNK)))
        return brk_undo(more);
    arena->system_mem += more;
    reclaim_note_outside((intptr_t)more, 0);
    arena->brk.end = end + more;
    top_extend(arena, end + more);
    return true;
}

bool top_grow(struct arena *arena, size_t size)
{
    size_t most = (size_t)PAGE_BYTES << MAX_ORDER;

    if (size + CHUNK_MIN <= top_size(arena))
        return true;
    size += CHUNK_MIN;
    size_t before = arena->system_mem;
    bool grown = arena->is_main && size < PTRDIFF_MAX / 2 &&
                 (grow_by_free_run(arena, size) || grow_by_brk(arena, size));
    if (!grown && size + CHUNK_HEADER <= most)
        grown = grow_by_run(arena, size);
    reclaim_note_use(&arena->policy, SIZE_MAX, arena->system_mem - before);
    return grown;
}

static size_t trim_brk(struct arena *arena, size_t keep)
{
    size_t size = top_size(arena);

    if (size <= keep + os_page_size() || !brk_is_ours(arena))
        return 0;
    size_t give = round_down(size - keep - CHUNK_MIN, os_page_size());
    uintptr_t end = arena->brk.end - give;
    if (give == 0)
        return 0;
    struct chunk *closing = chunk_next(arena->top);
    chunk_wipe(closing);
    if (os_brk_move(-(intptr_t)give) == NULL) {
        segment_close(arena->brk.end, true);
        return 0;
    }
    size_t first = round_up(end, PAGE_BYTES);
    if (first < arena->brk.end)
        tag_set_brk(first, arena->brk.end, 0);
    arena->brk.end = end;
    arena->system_mem -= give;
    reclaim_note_outside(-(intptr_t)give, 0);
    chunk_set(arena->top, end - CHUNK_HEADER - (uintptr_t)arena->top,
              chunk_flags(arena->top));
    segment_close(end, true);
    reclaim_account(give);
    return give;
}

/* Cuts whole pages off the end of the run that top is in. */
static size_t trim_run(struct arena *arena, size_t keep)
{
    struct page *page = top_segment(arena);
    uintptr_t top = (uintptr_t)arena->top;

    if (page == NULL)
        return 0;
    uintptr_t start = (uintptr_t)page_mem(page);
    uintptr_t end = start + ((uintptr_t)page->npages << PAGE_SHIFT);
    uintptr_t stop =
        round_up(top + keep + CHUNK_MIN + CHUNK_HEADER, PAGE_BYTES);
    if (top == start && keep == 0) {
        stop = start;
        arena->top = NULL;
        segment_remove(page);
    }
    if (stop >= end)
        return 0;
    size_t npages = (end - stop) >> PAGE_SHIFT;
    page->npages -= (uint32_t)npages;
    arena->system_mem -= npages << PAGE_SHIFT;
    if (arena->top != NULL) {
        chunk_set(arena->top, stop - CHUNK_HEADER - top,
                  chunk_flags(arena->top));
        segment_close(stop, true);
    }
    segment_cut(page, (stop - start) >> PAGE_SHIFT, npages);
    return npages << PAGE_SHIFT;
}

size_t top_trim(struct arena *arena, size_t keep)
{
    if (arena->top == NULL)
        return 0;
    return top_is_brk(arena) ? trim_brk(arena, keep) : trim_run(arena, keep);
}
