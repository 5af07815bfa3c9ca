/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_RECLAIM_H
#define LIBALLOC_PAGE_RECLAIM_H
/*
 * Giving free pages back to the kernel: what, when, how much.
 * Layer: page.  Locks: the zones', never across a system call.
 *
 * layout/reclaim.h decides, for the inspector as well;
 * high = max(dirty_min, live / dirty_ratio), low = half of it; while pages
 * given back are soon asked for again, high is raised ("slack").
 */
#include "layout/reclaim.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The policy itself, for zones (in pages) and arenas (in bytes): how much may
 * stay dirty now; RECLAIM_NOTHING = all of it.  Opens a new window when the
 * last one ended.
 */
size_t reclaim_target(struct reclaim_policy *policy, size_t dirty, size_t high,
                      uint64_t now_ms);

/* Memory left the free state: `dirty` remains, `clean` of it had been clean. */
static inline void reclaim_note_use(struct reclaim_policy *policy, size_t dirty,
                                    size_t clean)
{
    if (dirty < policy->min_dirty)
        policy->min_dirty = dirty;
    if (policy->purged > 0)
        policy->regret += clean;
}

/* The zone's dirty pages grew; its lock is held. */
void reclaim_note_dirty(const struct zone *zone);

/* Cheap test: is there anything for reclaim_tick() to do?  Stale ok. */
bool reclaim_is_due(uint64_t now_ms);

/* Applies the watermarks.  Call without locks held. */
void reclaim_tick(uint64_t now_ms);

/* Gives back all but `keep` bytes; the bytes given back. */
size_t reclaim_all(size_t keep);

/* Bytes given back since the start, by whatever means. */
size_t reclaim_total(void);
void reclaim_account(size_t bytes);

/*
 * For memory that others keep free (arenas): gives back the whole system
 * pages inside [start, end); true if that worked.
 */
bool reclaim_range(uintptr_t start, uintptr_t end);

#endif
