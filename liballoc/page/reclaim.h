/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_RECLAIM_H
#define LIBALLOC_PAGE_RECLAIM_H
/*
 * Giving free pages back to the kernel: what, when, how much.
 * Layer: page.  Locks: the zones', never across a system call; zone_purging.
 *
 * layout/reclaim.h decides, for the inspector as well; while pages given back
 * are soon asked for again, more is tolerated ("slack").
 */
#include "layout/reclaim.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Was the last memory given back too soon?  If a good part was asked for
 * again, tolerate more; if nothing was, tolerate less.  What the policy did
 * not decide, as malloc_trim(), is not counted: nothing bounds the slack that
 * a program would teach that trims, and goes on, again and again.
 */
void reclaim_judge(struct reclaim_policy *policy, uint64_t now_ms);

/*
 * The policy itself, for zones (in pages) and arenas (in bytes): how much may
 * stay dirty now; RECLAIM_NOTHING = all of it.  Opens a new window when the
 * last one ended, with `live` as its first peak.
 */
size_t reclaim_target(struct reclaim_policy *policy, size_t dirty, size_t live,
                      struct reclaim_marks marks, uint64_t now_ms);

/* Live memory of the process grew to `live`. */
static inline void reclaim_note_live(struct reclaim_policy *policy, size_t live)
{
    if (live > policy->peak)
        policy->peak = live;
}

/*
 * Memory that zones do not count changed by so many bytes: break and mappings
 * in use, less what arenas gave back; mappings kept.  Any thread.
 */
void reclaim_note_outside(intptr_t live, intptr_t kept);

/* Bytes of that. */
struct reclaim_outside {
    intptr_t live; /* may be below 0 */
    intptr_t kept;
};
struct reclaim_outside reclaim_outside(void);

/* What is live in zones and outside; not below 0, where notes come late. */
static inline size_t reclaim_sum(size_t within, intptr_t outside)
{
    return outside < 0 && within < (size_t)-outside ? 0
                                                    : within + (size_t)outside;
}

/* Memory left the free state: `dirty` remains, `clean` of it had been clean. */
static inline void reclaim_note_use(struct reclaim_policy *policy, size_t dirty,
                                    size_t clean)
{
    if (dirty < policy->min_dirty)
        policy->min_dirty = dirty;
    if (policy->purged > 0)
        policy->regret += clean;
}

/*
 * Brings the policy of an arena up to date: `live` bytes are in use in it, and
 * `idle` of what it noted as kept are its own.
 */
void reclaim_look_arena(struct reclaim_policy *policy, size_t live,
                        size_t idle);

/* The zone's live or dirty pages are others now; its lock is held. */
void reclaim_note_zone(struct zone *zone);

/*
 * A zone takes fresh memory of the kernel: arenas that keep free memory look at
 * their next slow call whether all of it is still worth that.  Any thread.
 */
void reclaim_note_growth(void);

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
