/* SPDX-License-Identifier: MIT */
#include "arena/mmap_chunk.h"

#include "arena/chunk.h"
#include "arena/mmap_kept.h"
#include "base/atomic.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/tunables.h"
#include "os/os_mem.h"
#include "page/reclaim.h"

enum {
    THRESHOLD_MAX = 32 * MIB, /* DEFAULT_MMAP_THRESHOLD_MAX of glibc */
};

static bool threshold_is_fixed; /* stale ok: a policy */

void mmap_threshold_fix(void)
{
    threshold_is_fixed = true;
}

bool mmap_threshold_is_fixed(void)
{
    return threshold_is_fixed;
}

/* Inaccessible bytes at both ends of each mapping. */
static size_t guard_bytes(void)
{
    return tunables.guard_pages != 0 ? os_page_size() : 0;
}

bool mmap_chunk_wanted(size_t size)
{
    return size >= tunables.mmap_threshold &&
           /* stale ok: a policy */
           load_relaxed(&mmap_table.nr_live) < tunables.mmap_max;
}

/* Where the record of `mem` hangs; *where is NULL if there is none. */
static struct mmap_record **record_find(uintptr_t mem)
{
    struct mmap_record **where = &mmap_table.buckets[mmap_bucket(mem)];

    while (*where != NULL && (*where)->mem != mem)
        where = &(*where)->next;
    return where;
}

/* One record more or less of `bytes`. */
static void note_live(intptr_t count, intptr_t bytes) REQUIRES(mmap_lock)
{
    /* stale ok: written under mmap_lock */
    size_t nr_live = load_relaxed(&mmap_table.nr_live) + (size_t)count;
    /* stale ok: as above */
    store_relaxed(&mmap_table.nr_live, nr_live);
    mmap_table.live_bytes += (size_t)bytes;
    reclaim_note_outside(bytes, 0);
}

static void record_insert(struct mmap_record *record) REQUIRES(mmap_lock)
{
    struct mmap_record **bucket = &mmap_table.buckets[mmap_bucket(record->mem)];

    record->next = *bucket;
    *bucket = record;
    note_live(1, (intptr_t)record->size);
    (void)mmap_kept_look();
}

static struct mmap_record *record_remove(uintptr_t mem) REQUIRES(mmap_lock)
{
    struct mmap_record **where = record_find(mem);
    struct mmap_record *record = *where;

    if (record == NULL)
        return NULL;
    *where = record->next;
    note_live(-1, -(intptr_t)record->size);
    return record;
}

/* Fresh pages for `size` bytes behind a header, aligned; size 0 = failed. */
static struct mapping mapping_create(size_t size, size_t align)
{
    size_t page = os_page_size();
    size_t lead = max_size(align, CHUNK_HEADER);
    size_t total;
    struct mapping none = {0, 0};

    /* Beyond a page, the start of the mapping decides: room for any. */
    if (align > page)
        lead += CHUNK_HEADER;
    lead += 2 * guard_bytes();
    if (__builtin_add_overflow(size, lead, &total) ||
        total > PTRDIFF_MAX - page)
        return none;
    total = round_up(total, page);
    uintptr_t at = (uintptr_t)os_map(total);
    if (at == 0 || align <= page)
        return (struct mapping){at, at == 0 ? 0 : total};
    /* Cut the surplus off both ends; what munmap refuses stays ours. */
    uintptr_t mem = round_up(at + guard_bytes() + CHUNK_HEADER, align);
    uintptr_t start = round_down(mem - CHUNK_HEADER, page) - guard_bytes();
    uintptr_t end = round_up(mem + size, page) + guard_bytes();
    if (start > at && !os_unmap((void *)at, start - at))
        start = at;
    if (at + total > end && !os_unmap((void *)end, at + total - end))
        end = at + total;
    return (struct mapping){start, end - start};
}

/* A kernel that refuses leaves the block without: nothing else fails. */
static void mapping_guard(struct mapping mapping)
{
    size_t guard = guard_bytes();

    if (guard == 0 || mapping.size == 0)
        return;
    (void)os_guard((void *)mapping.start, guard);
    (void)os_guard((void *)(mapping.start + mapping.size - guard), guard);
}

/* Header and record of a chunk in the mapping; what the program gets. */
static void *chunk_start(struct mapping mapping, size_t align,
                         struct mmap_record *record)
{
    uintptr_t mem = round_up(mapping.start + guard_bytes() + CHUNK_HEADER,
                             max_size(align, CHUNK_HEADER));
    struct chunk *chunk = mem_to_chunk((void *)mem);
    size_t lead = (uintptr_t)chunk - mapping.start;

    chunk->prev_size = lead;
    chunk_set(chunk, mapping.size - lead - guard_bytes(), IS_MMAPPED);
    record->mem = mem;
    record->start = mapping.start;
    record->size = mapping.size;
    lock_acquire(&mmap_lock);
    record_insert(record);
    lock_release(&mmap_lock);
    return (void *)mem;
}

void *mmap_chunk_alloc(size_t size, size_t align, bool *fresh)
{
    struct mapping mapping = {0, 0};

    if (size > PTRDIFF_MAX)
        return NULL;
    struct mmap_record *record = mmap_record_new();
    if (record == NULL)
        return NULL;
    if (align <= CHUNK_HEADER) {
        size_t total =
            round_up(size + CHUNK_HEADER, os_page_size()) + 2 * guard_bytes();
        mapping = mmap_kept_take(total);
    }
    *fresh = mapping.size == 0;
    if (mapping.size == 0)
        mapping = mapping_create(size, align);
    mapping_guard(mapping);
    if (mapping.size == 0) {
        *fresh = false; /* the request may find other memory, used before */
        lock_acquire(&mmap_lock);
        mmap_record_recycle(record);
        lock_release(&mmap_lock);
        return NULL;
    }
    return chunk_start(mapping, align, record);
}

size_t mmap_chunk_size(const void *mem)
{
    lock_acquire(&mmap_lock);
    const struct mmap_record *record = *record_find((uintptr_t)mem);
    size_t size = 0;
    if (record != NULL)
        size = record->start + record->size - guard_bytes() - record->mem;
    lock_release(&mmap_lock);
    return size;
}

/* ptmalloc's dynamic threshold: what is freed will be asked for again. */
static void threshold_adapt(size_t size)
{
    if (threshold_is_fixed || size <= tunables.mmap_threshold ||
        size > THRESHOLD_MAX)
        return;
    tunables.mmap_threshold = size;
    tunables.trim_threshold = 2 * size;
}

bool mmap_chunk_free(void *mem)
{
    struct mapping mapping;

    lock_acquire(&mmap_lock);
    struct mmap_record *record = record_remove((uintptr_t)mem);
    if (record != NULL) {
        mapping = (struct mapping){record->start, record->size};
        mmap_record_recycle(record);
    }
    lock_release(&mmap_lock);
    if (record == NULL)
        return false;
    const struct chunk *chunk = mem_to_chunk(mem);
    if (UNLIKELY(!chunk_is_valid(chunk) || !chunk_is_mmapped(chunk)))
        fatal("corrupted size (mmapped chunk)", mem);
    threshold_adapt(mapping.size);
    /* With guards, whoever still holds a pointer shall fault. */
    mmap_kept_give(mapping, guard_bytes() == 0);
    mmap_kept_tick(os_time_ms());
    return true;
}

/*
 * Its size becomes `total`; where it starts then, 0 = it is as it was.  The
 * guard in front moves along, the one at the end is made anew.
 */
static uintptr_t mapping_resize(struct mapping mapping, size_t total)
{
    size_t guard = guard_bytes();
    void *end = (void *)(mapping.start + mapping.size - guard);

    if (total == mapping.size)
        return mapping.start;
    if (guard > 0 && !os_unguard(end, guard))
        return 0;
    uintptr_t at =
        (uintptr_t)os_remap((void *)mapping.start, mapping.size, total, true);
    if (guard > 0)
        (void)os_guard(at != 0 ? (void *)(at + total - guard) : end, guard);
    return at;
}

void *mmap_chunk_resize(void *mem, size_t size)
{
    if (size > PTRDIFF_MAX)
        return NULL;
    lock_acquire(&mmap_lock);
    struct mmap_record *record = record_remove((uintptr_t)mem);
    lock_release(&mmap_lock);
    if (record == NULL)
        return NULL;
    size_t lead = record->mem - record->start;
    size_t total = round_up(lead + size, os_page_size()) + guard_bytes();
    uintptr_t at =
        mapping_resize((struct mapping){record->start, record->size}, total);
    if (at != 0) {
        record->start = at;
        record->size = total;
        record->mem = at + lead;
        struct chunk *chunk = mem_to_chunk((void *)record->mem);
        chunk_set(chunk, total - guard_bytes() - lead + CHUNK_HEADER,
                  IS_MMAPPED);
    }
    lock_acquire(&mmap_lock);
    record_insert(record);
    lock_release(&mmap_lock);
    return at != 0 ? (void *)record->mem : NULL;
}
