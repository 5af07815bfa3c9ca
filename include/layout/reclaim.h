/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_RECLAIM_H
#define LAYOUT_RECLAIM_H
/*
 * The policy of giving free memory back, as arithmetic on values: the
 * allocator decides by it, readers tell by it why memory is still there.
 *
 *   dirty > high              down to half of `base` below that, now
 *   low .. high               what nobody needed for a whole window goes
 *   < low = base / 4 + slack  stays
 *
 * base = a fixed amount or a part of what is live; high = that, and what was
 * live at the recent peak of the process and is not now: memory in use a moment
 * ago will be asked for again, most likely, and what is resident stays near its
 * peak; plus slack, learnt where memory went too soon.
 */
#include "layout/arena.h"

#include <stdbool.h>

enum {
    RECLAIM_ORDER = 2,   /* smaller blocks are not worth a system call */
    HUGE_PAGE_ORDER = 7, /* 2 MiB */
};
#define RECLAIM_NOTHING SIZE_MAX

/* Why memory that holds no live object is resident. */
enum why {
    WHY_DUE,       /* the next tick gives it back: there is too much of it */
    WHY_DECAY,     /* goes if nobody needs it until the window ends */
    WHY_THRESHOLD, /* below the low mark: tolerated */
    WHY_ORDER,     /* the block, or chunk, is too small to be given back */
    WHY_HUGE,      /* would split a huge page: larger blocks go first */
    WHY_PURGED,    /* was given back; the kernel holds it yet, or again */
    WHY_TOP,       /* of the arena: room for the next chunks */
    WHY_PINNED,    /* live objects lie in the same slab, or on both sides */
    WHY_CACHED,    /* in a thread's bin or spare */
    WHY_SENT,      /* freed by another thread, on its way home */
    WHY_LISTED,    /* on a thread's page list */
    WHY_SLAB_KEPT, /* slab without live objects, kept to be used next */
    WHY_KEPT,      /* freed mapping that waits for reuse */
    WHY_META,      /* the allocator's own */
    WHY_LIVE,      /* it is in use */
    WHY_GONE,      /* it is not resident */
    WHY_UNKNOWN,   /* not of the heap, damaged, or in the midst of a change */
    NWHYS,
};

struct reclaim_verdict {
    size_t target;       /* may stay dirty; RECLAIM_NOTHING: all of it */
    enum why why;        /* DUE, DECAY or THRESHOLD */
    uint64_t left_ms;    /* DECAY: until the window ends */
    bool is_window_over; /* the caller opens the next one */
};

/* In the unit of the policy: pages of a zone, bytes of an arena. */
struct reclaim_marks {
    size_t low;
    size_t high;
    size_t step; /* half of `base` */
};

static inline size_t reclaim_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline struct reclaim_marks reclaim_marks(struct reclaim_policy policy,
                                                 size_t live, size_t least,
                                                 size_t ratio)
{
    size_t peak = reclaim_max(policy.peak, policy.last_peak);
    size_t used = (size_t)((intptr_t)live + policy.outside);
    size_t base = reclaim_max(ratio != 0 ? live / ratio : 0, least);

    return (struct reclaim_marks){
        .low = base / 4 + policy.slack,
        .high = base + policy.slack + (peak > used ? peak - used : 0),
        .step = base / 2,
    };
}

/* The same for the free chunks and the top of an arena, in bytes. */
static inline struct reclaim_marks
reclaim_arena_marks(struct reclaim_policy policy, size_t live, size_t dirty_min,
                    size_t ratio, size_t top_room)
{
    return reclaim_marks(policy, live, reclaim_max(dirty_min / 2, top_room),
                         ratio);
}

static inline struct reclaim_verdict
reclaim_decide(struct reclaim_policy policy, size_t dirty,
               struct reclaim_marks marks, uint64_t now_ms, uint64_t delay_ms)
{
    /* What was not needed for the whole window. */
    size_t least = policy.min_dirty < dirty ? policy.min_dirty : dirty;
    uint64_t age = now_ms - policy.tick_ms;
    struct reclaim_verdict verdict = {
        .target = RECLAIM_NOTHING,
        .why = WHY_THRESHOLD,
        .is_window_over = age >= delay_ms,
    };

    if (dirty > marks.high) {
        verdict.target = marks.high - marks.step;
        verdict.why = WHY_DUE;
    }
    if (least <= marks.low)
        return verdict;
    if (verdict.is_window_over) {
        size_t target = dirty - (least - marks.low);
        verdict.target = target < verdict.target ? target : verdict.target;
        verdict.why = WHY_DUE;
    } else if (verdict.why == WHY_THRESHOLD) {
        verdict.why = WHY_DECAY;
        verdict.left_ms = delay_ms - age;
    }
    return verdict;
}

/* Is a large free chunk, of which `clean` bytes went, worth a system call? */
static inline bool reclaim_chunk_goes(size_t size, size_t clean)
{
    return size >= PURGE_CHUNK && size - clean >= PURGE_CHUNK / 2;
}

#endif
