/* SPDX-License-Identifier: MIT */
#include "arena/mmap_chunk.h"

#include "arena/chunk.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/tunables.h"
#include "os/os_mem.h"
#include "page/meta.h"
#include "page/reclaim.h"
#include "page/zone.h"

enum {
    THRESHOLD_MAX = 32 * MIB, /* DEFAULT_MMAP_THRESHOLD_MAX of glibc */
    KEPT_WASTE = 8,           /* reuse a mapping up to size/8 too large */
};

struct lock mmap_lock = LOCK_INIT(LOCK_RANK_MMAP);
struct mmap_table mmap_table;             /* Protected by: mmap_lock */
static struct mmap_record *free_records;  /* Protected by: mmap_lock */
static struct mmap_record *refused;       /* Protected by: mmap_lock */
static struct reclaim_policy kept_policy; /* Protected by: mmap_lock */
static bool threshold_is_fixed;           /* stale ok: a policy */

/* A mapping, off every table. */
struct mapping {
    uintptr_t start;
    size_t size;
};

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
           mmap_table.nr_live < tunables.mmap_max;
}

/* Where the record of `mem` hangs; *where is NULL if there is none. */
static struct mmap_record **record_find(uintptr_t mem)
{
    struct mmap_record **where = &mmap_table.buckets[mmap_bucket(mem)];

    while (*where != NULL && (*where)->mem != mem)
        where = &(*where)->next;
    return where;
}

/* A blank record; the lock is dropped if memory must be had. */
static struct mmap_record *record_new(void)
{
    lock_acquire(&mmap_lock);
    struct mmap_record *record = free_records;
    if (record != NULL)
        free_records = record->next;
    lock_release(&mmap_lock);
    return record != NULL ? record : meta_alloc(sizeof *record, 64);
}

static void record_recycle(struct mmap_record *record)
{
    record->next = free_records;
    free_records = record;
}

/* Brings the policy up to date; what is live in the process. */
static size_t kept_look(void) REQUIRES(mmap_lock)
{
    struct zone_pages pages = zone_pages();
    size_t live = reclaim_sum(pages.live << PAGE_SHIFT, reclaim_outside().live);

    reclaim_note_live(&kept_policy, live);
    kept_policy.outside = (intptr_t)(pages.dirty << PAGE_SHIFT);
    return live;
}

static void record_insert(struct mmap_record *record) REQUIRES(mmap_lock)
{
    struct mmap_record **bucket = &mmap_table.buckets[mmap_bucket(record->mem)];

    record->next = *bucket;
    *bucket = record;
    mmap_table.nr_live++;
    mmap_table.live_bytes += record->size;
    reclaim_note_outside((intptr_t)record->size, 0);
    (void)kept_look();
}

static struct mmap_record *record_remove(uintptr_t mem)
{
    struct mmap_record **where = record_find(mem);
    struct mmap_record *record = *where;

    if (record == NULL)
        return NULL;
    *where = record->next;
    mmap_table.nr_live--;
    mmap_table.live_bytes -= record->size;
    reclaim_note_outside(-(intptr_t)record->size, 0);
    return record;
}

static struct mapping kept_take_at(size_t i)
{
    struct mapping mapping = {mmap_table.kept[i].start,
                              mmap_table.kept[i].size};

    mmap_table.kept_bytes -= mapping.size;
    reclaim_note_outside(0, -(intptr_t)mapping.size);
    mmap_table.nr_kept--;
    for (; i < mmap_table.nr_kept; i++)
        mmap_table.kept[i] = mmap_table.kept[i + 1];
    return mapping;
}

/* The tightest kept mapping for `size` bytes; size 0 = none fits. */
static struct mapping kept_take(size_t size)
{
    size_t best = MMAP_KEPT;
    struct mapping mapping = {0, 0};

    lock_acquire(&mmap_lock);
    for (size_t i = 0; i < mmap_table.nr_kept; i++) {
        size_t have = mmap_table.kept[i].size;
        if (have >= size && have - size <= size / KEPT_WASTE &&
            (best == MMAP_KEPT || have < mmap_table.kept[best].size))
            best = i;
    }
    if (best < MMAP_KEPT)
        mapping = kept_take_at(best);
    reclaim_note_use(&kept_policy, mmap_table.kept_bytes,
                     mapping.size == 0 ? size : 0);
    lock_release(&mmap_lock);
    return mapping;
}

/* How many kept bytes are tolerated before any is judged idle. */
static struct reclaim_marks kept_marks(size_t live)
{
    struct reclaim_marks marks = reclaim_marks(
        kept_policy, live, tunables.dirty_min, tunables.dirty_ratio);

    marks.high = min_size(marks.high, tunables.mmap_cache);
    marks.step = min_size(marks.step, marks.high);
    return marks;
}

/* The oldest kept mapping if more than `target` bytes are kept. */
static struct mapping kept_evict(size_t target)
{
    struct mapping mapping = {0, 0};

    lock_acquire(&mmap_lock);
    if (mmap_table.kept_bytes > target && mmap_table.nr_kept > 0)
        mapping = kept_take_at(0);
    lock_release(&mmap_lock);
    return mapping;
}

/* Keeps a freed mapping; false: there is no place, or it is too large. */
static bool kept_insert(struct mapping mapping)
{
    bool kept = false;

    lock_acquire(&mmap_lock);
    if (mmap_table.nr_kept < MMAP_KEPT &&
        mmap_table.kept_bytes + mapping.size <= tunables.mmap_cache) {
        mmap_table.kept[mmap_table.nr_kept++] =
            (struct mmap_kept){mapping.start, mapping.size};
        mmap_table.kept_bytes += mapping.size;
        reclaim_note_outside(0, (intptr_t)mapping.size);
        kept = true;
    }
    lock_release(&mmap_lock);
    return kept;
}

/* A mapping that munmap() refused is kept for its addresses.  Without memory
   for a record they are lost. */
static void refused_insert(struct mapping mapping)
{
    struct mmap_record *record = record_new();

    if (record == NULL)
        return;
    record->start = mapping.start;
    record->size = mapping.size;
    lock_acquire(&mmap_lock);
    record->next = refused;
    refused = record;
    lock_release(&mmap_lock);
}

/* The first refused one with room for `size` bytes, and not too much. */
static struct mapping refused_take(size_t size, size_t most)
{
    struct mapping mapping = {0, 0};

    lock_acquire(&mmap_lock);
    struct mmap_record **where = &refused;
    while (*where != NULL && ((*where)->size < size || (*where)->size > most))
        where = &(*where)->next;
    struct mmap_record *record = *where;
    if (record != NULL) {
        *where = record->next;
        mapping = (struct mapping){record->start, record->size};
        record_recycle(record);
    }
    lock_release(&mmap_lock);
    return mapping;
}

/*
 * munmap() fails where it would split a mapping beyond vm.max_map_count: then
 * the memory goes back at least.
 */
static void mapping_release(struct mapping mapping)
{
    if (os_unmap((void *)mapping.start, mapping.size)) {
        reclaim_account(mapping.size);
    } else {
        (void)reclaim_range(mapping.start, mapping.start + mapping.size);
        refused_insert(mapping);
    }
}

static size_t kept_shrink(size_t target)
{
    size_t given = 0;
    struct mapping mapping;

    while ((mapping = kept_evict(target)).size > 0) {
        mapping_release(mapping);
        given += mapping.size;
    }
    return given;
}

void mmap_chunk_tick(uint64_t now_ms)
{
    if (mmap_table.kept_bytes == 0)
        return;
    lock_acquire(&mmap_lock);
    size_t live = kept_look();
    reclaim_judge(&kept_policy, now_ms);
    size_t target = reclaim_target(&kept_policy, mmap_table.kept_bytes, live,
                                   kept_marks(live), now_ms);
    lock_release(&mmap_lock);
    if (target == RECLAIM_NOTHING)
        return;
    size_t given = kept_shrink(target);
    lock_acquire(&mmap_lock);
    kept_policy.purged += given;
    lock_release(&mmap_lock);
}

/* What munmap() refused, once more: it may lie at the edge of a mapping now. */
static void refused_retry(void)
{
    lock_acquire(&mmap_lock);
    struct mmap_record *record = refused;
    refused = NULL;
    lock_release(&mmap_lock);
    while (record != NULL) {
        struct mmap_record *next = record->next;
        bool done = os_unmap((void *)record->start, record->size);
        lock_acquire(&mmap_lock);
        struct mmap_record **list = done ? &free_records : &refused;
        record->next = *list;
        *list = record;
        lock_release(&mmap_lock);
        record = next;
    }
}

size_t mmap_chunk_trim(void)
{
    size_t given = kept_shrink(0);

    refused_retry();
    return given;
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
    struct mmap_record *record = record_new();
    if (record == NULL)
        return NULL;
    if (align <= CHUNK_HEADER) {
        size_t total =
            round_up(size + CHUNK_HEADER, os_page_size()) + 2 * guard_bytes();
        mapping = kept_take(total);
        /* stale ok: NULL but in a process that is at its limit of mappings */
        if (mapping.size == 0 && UNLIKELY(refused != NULL))
            mapping = refused_take(total, total + total / KEPT_WASTE);
    }
    *fresh = mapping.size == 0;
    if (mapping.size == 0)
        mapping = mapping_create(size, align);
    mapping_guard(mapping);
    if (mapping.size == 0) {
        *fresh = false; /* the request may find other memory, used before */
        lock_acquire(&mmap_lock);
        record_recycle(record);
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
        record_recycle(record);
    }
    lock_release(&mmap_lock);
    if (record == NULL)
        return false;
    const struct chunk *chunk = mem_to_chunk(mem);
    if (UNLIKELY(!chunk_is_valid(chunk) || !chunk_is_mmapped(chunk)))
        fatal("corrupted size (mmapped chunk)", mem);
    threshold_adapt(mapping.size);
    /* With guards, whoever still holds a pointer shall fault. */
    if (guard_bytes() > 0 || !kept_insert(mapping))
        mapping_release(mapping);
    mmap_chunk_tick(os_time_ms());
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
