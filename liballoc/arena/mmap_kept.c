/* SPDX-License-Identifier: MIT */
#include "arena/mmap_kept.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/tunables.h"
#include "os/os_mem.h"
#include "page/meta.h"
#include "page/reclaim.h"
#include "page/zone.h"

enum { KEPT_WASTE = 8 }; /* reuse a mapping up to size/8 too large */

struct lock mmap_lock = LOCK_INIT(LOCK_RANK_MMAP);
struct mmap_table mmap_table;             /* Protected by: mmap_lock */
static struct mmap_record *free_records;  /* Protected by: mmap_lock */
static struct mmap_record *refused;       /* Protected by: mmap_lock */
static struct reclaim_policy kept_policy; /* Protected by: mmap_lock */

struct mmap_record *mmap_record_new(void)
{
    lock_acquire(&mmap_lock);
    struct mmap_record *record = free_records;
    if (record != NULL)
        free_records = record->next;
    lock_release(&mmap_lock);
    return record != NULL ? record : meta_alloc(sizeof *record, 64);
}

void mmap_record_recycle(struct mmap_record *record)
{
    record->next = free_records;
    free_records = record;
}

size_t mmap_kept_look(void)
{
    struct zone_pages pages = zone_pages();
    size_t live = reclaim_sum(pages.live << PAGE_SHIFT, reclaim_outside().live);

    reclaim_note_live(&kept_policy, live);
    kept_policy.outside = (intptr_t)(pages.dirty << PAGE_SHIFT);
    return live;
}

static size_t kept_bytes(void)
{
    /* stale ok: written under mmap_lock; a tick without it looks again */
    return load_relaxed(&mmap_table.kept_bytes);
}

static void kept_add(intptr_t bytes) REQUIRES(mmap_lock)
{
    /* stale ok: as above */
    store_relaxed(&mmap_table.kept_bytes, kept_bytes() + (size_t)bytes);
    reclaim_note_outside(0, bytes);
}

static struct mapping kept_take_at(size_t i) REQUIRES(mmap_lock)
{
    struct mapping mapping = {mmap_table.kept[i].start,
                              mmap_table.kept[i].size};

    kept_add(-(intptr_t)mapping.size);
    mmap_table.nr_kept--;
    for (; i < mmap_table.nr_kept; i++)
        mmap_table.kept[i] = mmap_table.kept[i + 1];
    return mapping;
}

/* The tightest kept mapping for `size` bytes; size 0 = none fits. */
static struct mapping kept_take(size_t size, size_t most) REQUIRES(mmap_lock)
{
    size_t best = MMAP_KEPT;

    for (size_t i = 0; i < mmap_table.nr_kept; i++) {
        size_t have = mmap_table.kept[i].size;
        if (have >= size && have <= most &&
            (best == MMAP_KEPT || have < mmap_table.kept[best].size))
            best = i;
    }
    struct mapping mapping = {0, 0};
    if (best < MMAP_KEPT)
        mapping = kept_take_at(best);
    reclaim_note_use(&kept_policy, kept_bytes(), mapping.size == 0 ? size : 0);
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
    if (kept_bytes() > target && mmap_table.nr_kept > 0)
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
        kept_bytes() + mapping.size <= tunables.mmap_cache) {
        mmap_table.kept[mmap_table.nr_kept++] =
            (struct mmap_kept){mapping.start, mapping.size};
        kept_add((intptr_t)mapping.size);
        kept = true;
    }
    lock_release(&mmap_lock);
    return kept;
}

/* A mapping that munmap() refused is kept for its addresses.  Without memory
   for a record they are lost. */
static void refused_insert(struct mapping mapping)
{
    struct mmap_record *record = mmap_record_new();

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
static struct mapping refused_take(size_t size, size_t most) REQUIRES(mmap_lock)
{
    struct mmap_record **where = &refused;

    while (*where != NULL && ((*where)->size < size || (*where)->size > most))
        where = &(*where)->next;
    struct mmap_record *record = *where;
    if (record == NULL)
        return (struct mapping){0, 0};
    *where = record->next;
    struct mapping mapping = {record->start, record->size};
    mmap_record_recycle(record);
    return mapping;
}

struct mapping mmap_kept_take(size_t size)
{
    size_t most = size + size / KEPT_WASTE;

    lock_acquire(&mmap_lock);
    struct mapping mapping = kept_take(size, most);
    if (mapping.size == 0)
        mapping = refused_take(size, most);
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

void mmap_kept_give(struct mapping mapping, bool may_stay)
{
    if (!may_stay || !kept_insert(mapping))
        mapping_release(mapping);
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

void mmap_kept_tick(uint64_t now_ms)
{
    if (kept_bytes() == 0)
        return;
    lock_acquire(&mmap_lock);
    size_t live = mmap_kept_look();
    reclaim_judge(&kept_policy, now_ms);
    size_t target = reclaim_target(&kept_policy, kept_bytes(), live,
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

size_t mmap_kept_trim(void)
{
    size_t given = kept_shrink(0);

    refused_retry();
    return given;
}
