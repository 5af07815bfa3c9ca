/* SPDX-License-Identifier: MIT */
#ifndef WALK_WHY_H
#define WALK_WHY_H
/*
 * Why memory is still there: every stretch of the heap with a reason of enum
 * why.  Free pages and chunks are judged by layout/reclaim.h, by which the
 * allocator itself decides.
 */
#include "layout/reclaim.h"
#include "walk/objects.h"
#include "walk/resident.h"

extern const char *const why_names[NWHYS];
extern const char *const why_meanings[NWHYS];

/* What the policy makes of one zone or arena. */
struct why_judgement {
    struct reclaim_verdict verdict;
    size_t tolerated; /* bytes that may be dirty ... */
    size_t dirty;     /* ... and how many are */
};

/* What it is judged by. */
struct why_policy {
    uint64_t now_ms; /* of the process's clock; of its last tick in files */
    size_t purge_delay;
    size_t dirty_min;
    size_t dirty_ratio;
    size_t top_pad;
    size_t trim_threshold;
    struct why_judgement *zones;  /* by index in the model */
    struct why_judgement *arenas; /* by heap id */
};

/* A stretch of addresses, all for one reason. */
struct why_part {
    enum why why;
    uintptr_t start;
    size_t size;
    size_t holders;   /* PINNED: live objects that hold it ... */
    size_t held_by;   /* ... and their bytes */
    uint32_t heap_id; /* CACHED, SENT, LISTED: whose list; else the owner */
    const struct why_judgement *judgement; /* THRESHOLD, DECAY, DUE; or NULL */
};

typedef void why_fn(void *data, const struct why_part *part);

struct why_walk {
    const struct model *model;
    const struct freelist *freelist;
    struct why_policy policy;
    struct resident *resident;
    struct object_walk objects;
};

/* End with why_end(). */
void why_begin(struct why_walk *walk, const struct model *model,
               const struct freelist *freelist, struct resident *resident);
void why_end(struct why_walk *walk);

/* All stretches of one block, in order. */
void why_block(struct why_walk *walk, const struct block *block, why_fn *visit,
               void *data);

#endif
