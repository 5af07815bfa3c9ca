/* SPDX-License-Identifier: MIT */
/* Chunks by their boundary tags, mmapped chunks, and what all parts share. */
#include "census.h"

#include <stdio.h>
#include <string.h>

enum {
    CHUNKS_MAX = 1 << 26,
    RECORDS_MAX = 1 << 22,
};

void census_fault(struct census *census, const char *what, uintptr_t where)
{
    if (census->faults++ == 0) {
        (void)snprintf(census->first_fault, sizeof census->first_fault,
                       "%s at %#lx", what, where);
    }
}

bool census_is_marked(const struct target *target, uintptr_t mem)
{
    struct free_object object;
    uintptr_t secret;

    return far_read(target, mem, &object, sizeof object) &&
           far_read(target, far_address(&target->root.object_secret), &secret,
                    sizeof secret) &&
           object.key == (secret ^ mem);
}

/* What the walk of one segment knows of the chunk before. */
struct chunk_walk {
    const struct target *target;
    uint64_t secret;
    uintptr_t top;
    bool prev_free;
    size_t prev_size;
};

static bool sum_is_right(uintptr_t at, size_t word, uint64_t secret)
{
    return (word ^ chunk_word_sum(at, word, secret)) >> CHUNK_SUM_SHIFT == 0;
}

/* NULL, or what is wrong between this chunk and the one before. */
static const char *chunk_fault(const struct chunk_walk *walk, uintptr_t at,
                               const struct chunk *chunk)
{
    bool prev_inuse = (chunk->size_flags & PREV_INUSE) != 0;

    if (!sum_is_right(at, chunk->size_flags, walk->secret))
        return "chunk: header checksum";
    if (prev_inuse == walk->prev_free)
        return "chunk: PREV_INUSE differs from the chunk before";
    if (walk->prev_free && chunk->prev_size != walk->prev_size)
        return "chunk: prev_size differs from the chunk before";
    return NULL;
}

static void count_chunk(struct chunk_walk *walk, uintptr_t at, size_t word,
                        struct census *census)
{
    size_t size = chunk_word_size(word);

    walk->prev_size = size;
    walk->prev_free = (word & CHUNK_FREE) != 0;
    if (at == walk->top) {
        census->top_bytes += size;
        walk->prev_free = false; /* top never says so to its neighbour */
    } else if (walk->prev_free) {
        census->chunks_free++;
        census->chunk_free_bytes += size;
    } else if (census_is_marked(walk->target, at + CHUNK_HEADER)) {
        census->chunks_cached++;
    } else {
        census->chunks++;
        census->chunk_bytes += chunk_usable(size);
    }
}

static void walk_segment(const struct target *target, uint64_t secret,
                         uintptr_t top, struct segment segment,
                         struct census *census)
{
    struct chunk_walk walk = {.target = target, .secret = secret, .top = top};
    uintptr_t last = segment.end - CHUNK_HEADER;
    uintptr_t at = segment.start;

    census->segments++;
    for (size_t steps = 0; steps < CHUNKS_MAX; steps++) {
        struct chunk chunk;
        const char *fault = "chunk: unreadable";
        if (far_read(target, at, &chunk, CHUNK_HEADER))
            fault = chunk_fault(&walk, at, &chunk);
        size_t size = fault == NULL ? chunk_word_size(chunk.size_flags) : 0;
        if (fault == NULL && at == last && size == 0)
            return;
        if (fault == NULL && (size < CHUNK_MIN || size > last - at))
            fault = "chunk: size leaves its segment";
        if (fault != NULL) {
            census_fault(census, fault, at);
            return;
        }
        count_chunk(&walk, at, chunk.size_flags, census);
        at += size;
    }
}

/* The segment that a page run is; size 0 = it is none. */
static struct segment run_segment(const struct target *target, uintptr_t at,
                                  uintptr_t arena)
{
    struct segment none = {0, 0};
    struct page page;
    struct zone zone;

    if (!far_read(target, at, &page, sizeof page) || page.state != PAGE_ARENA ||
        far_address(&page.owner) != arena ||
        !census_zone(target, page.zone, &zone))
        return none;
    size_t pfn = (at - far_address(&zone.pages)) / sizeof page;
    uintptr_t start = page_address(zone.base, pfn);
    return (struct segment){start,
                            start + ((uintptr_t)page.npages << PAGE_SHIFT)};
}

/* Every segment of the arena; free chunks must sum up to its own figure. */
void census_arena(const struct target *target, const struct heap *heap,
                  uintptr_t arena, struct census *census)
{
    struct list_walk walk =
        list_walk_start(target, arena + offsetof(struct arena, segments));
    const struct arena *copy = &heap->arena;
    uintptr_t top = far_address(&copy->top);
    size_t free_before = census->chunk_free_bytes;
    uint64_t secret;
    uintptr_t link;

    if (!far_read(target, far_address(&target->root.chunk_secret), &secret,
                  sizeof secret))
        return;
    while ((link = list_walk_next(&walk)) != 0) {
        struct segment segment =
            run_segment(target, link - offsetof(struct page, lru), arena);
        if (segment.end == 0) {
            census_fault(census, "arena: a segment that is none", link);
        } else {
            walk_segment(target, secret, top, segment, census);
        }
    }
    if (walk.broken)
        census_fault(census, "arena: broken list of segments", arena);
    for (size_t i = 0; i < copy->nr_brk_old && i < NBRK_OLD; i++)
        walk_segment(target, secret, top, copy->brk_old[i], census);
    if (copy->brk.end != 0)
        walk_segment(target, secret, top, copy->brk, census);
    if (census->chunk_free_bytes - free_before != copy->free_bytes)
        census_fault(census, "arena: free_bytes differs", arena);
}

static void count_record(const struct target *target,
                         const struct mmap_record *record, uint64_t secret,
                         struct census *census)
{
    uintptr_t at = record->mem - CHUNK_HEADER;
    size_t header[2] = {0, 0}; /* prev_size, size_flags */

    if (!far_read(target, at, header, sizeof header) ||
        !sum_is_right(at, header[1], secret) || (header[1] & IS_MMAPPED) == 0 ||
        header[0] != at - record->start)
        census_fault(census, "mmapped chunk: its header", at);
    census->mmapped++;
    census->mmapped_bytes += record->start + record->size - record->mem;
}

static void walk_bucket(const struct target *target, uintptr_t at,
                        unsigned bucket, uint64_t secret, struct census *census)
{
    struct mmap_record record;

    for (size_t steps = 0; at != 0; steps++) {
        if (steps > RECORDS_MAX ||
            !far_read(target, at, &record, sizeof record) ||
            mmap_bucket(record.mem) != bucket) {
            census_fault(census, "mmap table: a record out of place", at);
            return;
        }
        count_record(target, &record, secret, census);
        at = far_address(&record.next);
    }
}

void census_mmapped(const struct target *target, struct census *census)
{
    static struct mmap_table table;
    uint64_t secret;

    if (!far_read(target, far_address(&target->root.mmap_table), &table,
                  sizeof table) ||
        !far_read(target, far_address(&target->root.chunk_secret), &secret,
                  sizeof secret)) {
        census_fault(census, "mmap table: unreadable", 0);
        return;
    }
    for (unsigned i = 0; i < MMAP_BUCKETS; i++)
        walk_bucket(target, far_address(&table.buckets[i]), i, secret, census);
    census->mmaps_kept = table.nr_kept;
    if (census->mmapped != table.nr_live)
        census_fault(census, "mmap table: nr_live differs", 0);
}

bool census_take(const struct target *target, struct census *census)
{
    memset(census, 0, sizeof *census);
    /* The target rests, or the epochs tell: no order of loads matters. */
    if (target->root.state != ROOT_READY)
        return false;
    census_zones(target, census);
    census_heaps(target, census);
    census_mmapped(target, census);
    return true;
}
