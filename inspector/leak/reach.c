/* SPDX-License-Identifier: MIT */
#include "leak/reach.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    WORK_MAX = 1 << 16,
    WORK_FEW = 1 << 12,      /* beyond it, sweep */
    BUFFER = 256 * 1024,     /* read at a time */
    LEAST_SPARSE = 8 * 1024, /* from here on, ask what is resident */
    DENSE = 16,              /* grey blocks: read their window whole */
    SYSTEM_PAGE = 4096,      /* the smallest that there is */
    PAGES_MAX = BUFFER / SYSTEM_PAGE + 1,
};

void reach_begin(struct reach *reach, struct leak_index *index,
                 struct target *target, bool interior)
{
    *reach =
        (struct reach){.index = index, .target = target, .interior = interior};
    reach->work = xcalloc(WORK_MAX, sizeof *reach->work);
    reach->window = xcalloc(1, WINDOW_BYTES);
    reach->buffer = xcalloc(1, BUFFER);
    reach->page = xcalloc(1, SYSTEM_PAGE);
}

void reach_end(struct reach *reach)
{
    free(reach->work);
    free(reach->window);
    free(reach->buffer);
    free(reach->page);
    free(reach->parents);
}

static void mark(struct reach *reach, const struct leak_ref *ref,
                 uintptr_t slot)
{
    ref_set(reach->index, ref, BIT_MARKED);
    if (reach->parents != NULL)
        reach->parents[index_rank(reach->index, ref)] = slot;
    if (ref->area != NULL) {
        ref->area->grey[ref->at / WINDOW_GRANULES] = 1;
    } else {
        reach->grey_map = true;
    }
    if (reach->nwork < WORK_MAX) {
        reach->work[reach->nwork++] = ref->start;
    } else {
        reach->overflow = true;
    }
}

static inline void take_word(struct reach *reach, uintptr_t word,
                             uintptr_t slot)
{
    struct leak_ref ref;

    if (word - reach->watched < reach->watched_size)
        reach->on_watched(reach->data, slot, word);
    if (index_find(reach->index, word, reach->interior, &ref) &&
        !ref_test(reach->index, &ref, BIT_MARKED))
        mark(reach, &ref, slot);
}

void reach_word(struct reach *reach, uintptr_t word, uintptr_t slot)
{
    take_word(reach, word, slot);
}

/* `bytes` lie at `address` in the target, both aligned to words. */
static void take_words(struct reach *reach, const uint8_t *bytes, size_t size,
                       uintptr_t address)
{
    uintptr_t lowest = reach->index->lowest;
    size_t span = reach->index->span;
    size_t step = reach->unaligned ? 1 : sizeof(uintptr_t);

    for (size_t at = 0; at + sizeof(uintptr_t) <= size; at += step) {
        uintptr_t word;
        memcpy(&word, bytes + at, sizeof word);
        if (__builtin_expect(word - lowest < span, 0))
            take_word(reach, word, address + at);
    }
    reach->scanned += size;
}

/*
 * Blocks that are looked at one by one are often neighbours: a call into the
 * kernel for each would cost more than all else.  Of the kernel's pages, for
 * to read one that was never touched makes it present.  NULL: not within one,
 * or not readable as a whole.
 */
static const uint8_t *fetch_page(struct reach *reach, uintptr_t address,
                                 size_t size)
{
    size_t offset = address % SYSTEM_PAGE;

    if (offset + size > SYSTEM_PAGE)
        return NULL;
    if (reach->page_at != address - offset) {
        reach->page_at = 0;
        if (!far_read(reach->target, address - offset, reach->page,
                      SYSTEM_PAGE))
            return NULL;
        reach->page_at = address - offset;
    }
    return reach->page + offset;
}

/* At most BUFFER bytes; in files without a copy.  NULL: not readable. */
static const uint8_t *fetch(struct reach *reach, uintptr_t address, size_t size)
{
    if (target_kind(reach->target) != TARGET_PROCESS)
        return far_view(reach->target, address, size);
    const uint8_t *bytes = fetch_page(reach, address, size);
    if (bytes != NULL)
        return bytes;
    return far_read(reach->target, address, reach->buffer, size) ? reach->buffer
                                                                 : NULL;
}

/* As a whole, else page by page. */
static void take_stretch(struct reach *reach, uintptr_t start, size_t size)
{
    size_t page = target_page_size(reach->target);
    const uint8_t *bytes = fetch(reach, start, size);

    if (bytes != NULL) {
        take_words(reach, bytes, size, start);
        return;
    }
    for (uintptr_t at = start; at < start + size;) {
        uintptr_t next = (at | (page - 1)) + 1;
        size_t piece = (next < start + size ? next : start + size) - at;
        bytes = fetch(reach, at, piece);
        if (bytes != NULL) {
            take_words(reach, bytes, piece, at);
        } else {
            reach->unreadable += piece;
        }
        at += piece;
    }
}

/* The kernel holds nothing for the page: reading it would give zeros. */
static inline bool is_hole(uint8_t bits)
{
    return (bits & KNOWN) != 0 && (bits & (RESIDENT | SWAPPED)) == 0;
}

/* At most BUFFER bytes, without their holes. */
static void take_resident(struct reach *reach, uintptr_t start, size_t size)
{
    uint8_t bits[PAGES_MAX];
    size_t page = target_page_size(reach->target);
    uintptr_t first = start & ~(page - 1);
    size_t count = (start + size - first + page - 1) / page;

    if (count > PAGES_MAX ||
        !target_residency(reach->target, first, count, bits)) {
        take_stretch(reach, start, size);
        return;
    }
    for (size_t i = 0; i < count;) {
        size_t n = 1;
        while (i + n < count && is_hole(bits[i + n]) == is_hole(bits[i]))
            n++;
        uintptr_t from = first + i * page;
        uintptr_t to = from + n * page;
        from = from > start ? from : start;
        to = to < start + size ? to : start + size;
        if (!is_hole(bits[i]))
            take_stretch(reach, from, to - from);
        i += n;
    }
}

void reach_range(struct reach *reach, uintptr_t start, size_t size)
{
    uintptr_t at = (start + sizeof(uintptr_t) - 1) & ~(sizeof(uintptr_t) - 1);
    uintptr_t end = start + size;
    bool sparse = size >= LEAST_SPARSE;

    while (at < end) {
        size_t piece = end - at < BUFFER ? end - at : BUFFER;
        if (sparse) {
            take_resident(reach, at, piece);
        } else {
            take_stretch(reach, at, piece);
        }
        at += piece;
    }
}

static void scan(struct reach *reach, const struct leak_ref *ref)
{
    size_t size = index_size(reach->index, ref);

    ref_set(reach->index, ref, BIT_SCANNED);
    if (reach->on_block != NULL)
        reach->on_block(reach->data, ref);
    reach_range(reach, ref->start, size);
}

void reach_block(struct reach *reach, const struct leak_ref *ref)
{
    if (ref_test(reach->index, ref, BIT_MARKED))
        return;
    mark(reach, ref, 0);
}

static uint64_t grey_word(const struct leak_area *area, size_t i)
{
    return area->bits[BIT_MARKED][i] & ~area->bits[BIT_SCANNED][i];
}

static bool is_dense(const struct leak_area *area, size_t first)
{
    unsigned count = 0;

    for (size_t i = first; i < first + WINDOW_GRANULES / WORD_BITS; i++) {
        count += (unsigned)__builtin_popcountl(grey_word(area, i));
        if (count >= DENSE)
            return true;
    }
    return false;
}

/* The grey blocks of 64 granules; bytes: their window's, or NULL. */
static void sweep_word(struct reach *reach, struct leak_area *area, size_t i,
                       const uint8_t *bytes, uintptr_t base)
{
    for (;;) {
        uint64_t word = grey_word(area, i);
        if (word == 0)
            return;
        size_t at = i * WORD_BITS + (size_t)__builtin_ctzl(word);
        struct leak_ref ref = {area, at, area->base + at * GRANULE};
        size_t size = index_size(reach->index, &ref);
        if (bytes == NULL || reach->on_block != NULL ||
            ref.start + size > base + WINDOW_BYTES) {
            scan(reach, &ref);
            continue;
        }
        area->bits[BIT_SCANNED][i] |= word & -word;
        take_words(reach, bytes + (ref.start - base), size, ref.start);
    }
}

static void sweep_window(struct reach *reach, struct leak_area *area,
                         size_t window)
{
    size_t first = window * (WINDOW_GRANULES / WORD_BITS);
    uintptr_t base = area->base + window * WINDOW_BYTES;
    const uint8_t *bytes = NULL;

    if (is_dense(area, first) &&
        far_copy(reach->target, base, reach->window, WINDOW_BYTES))
        bytes = reach->window;
    while (area->grey[window] != 0) {
        area->grey[window] = 0;
        for (size_t i = first; i < first + WINDOW_GRANULES / WORD_BITS; i++)
            sweep_word(reach, area, i, bytes, base);
    }
}

static void sweep_maps(struct reach *reach)
{
    struct leak_index *index = reach->index;

    for (size_t i = 0; i < index->nmaps; i++) {
        struct leak_map *map = &index->maps[i];
        struct leak_ref ref = {NULL, i, map->mem};
        if (map->bits[BIT_MARKED] != 0 && map->bits[BIT_SCANNED] == 0)
            scan(reach, &ref);
    }
}

/* Scans what is grey, by address; what it marks behind itself stays grey, and
   on the list unless that overflows. */
static void sweep(struct reach *reach)
{
    struct leak_index *index = reach->index;

    reach->nwork = 0;
    reach->overflow = false;
    for (size_t i = 0; i < index->nareas; i++) {
        struct leak_area *area = &index->areas[i];
        const uint8_t *grey;
        size_t window = 0;
        while (window < area->nwindows &&
               (grey = memchr(area->grey + window, 1,
                              area->nwindows - window)) != NULL) {
            window = (size_t)(grey - area->grey);
            sweep_window(reach, area, window++);
        }
    }
    if (reach->grey_map) {
        reach->grey_map = false;
        sweep_maps(reach);
    }
}

void reach_drain(struct reach *reach)
{
    struct leak_ref ref;

    while (reach->nwork > 0 || reach->overflow) {
        if (reach->overflow || reach->nwork > WORK_FEW) {
            sweep(reach);
            continue;
        }
        if (index_find(reach->index, reach->work[--reach->nwork], false,
                       &ref) &&
            !ref_test(reach->index, &ref, BIT_SCANNED))
            scan(reach, &ref);
    }
}
