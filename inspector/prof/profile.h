/* SPDX-License-Identifier: MIT */
#ifndef PROF_PROFILE_H
#define PROF_PROFILE_H
/*
 * The sampled profile of a target (layout/prof.h), copied by its own sequence
 * count, then joined with what the walk and the kernel say of each sampled
 * block.
 *
 *   profile_load -> stacks[], frames[], live[]    values.h: figures a stack
 *   profile_join -> live[].resident, .pinned
 */
#include "walk/model.h"

enum {
    PROFILE_ROUNDS = 8, /* copies, until one is not torn */
};

/* A live sampled block. */
struct live_sample {
    struct prof_sample sample;
    bool is_found;   /* the walk has a live block there */
    size_t resident; /* bytes of it in memory */
    size_t pinned;   /* free bytes that it holds (pins.h) */
};

struct profile {
    struct target *target;
    struct prof head;         /* by value */
    struct live_sample *live; /* sorted by address */
    size_t nlive;
    struct prof_stack *stacks; /* [0]: of samples without one */
    size_t nstacks;
    uintptr_t *frames;
    size_t nframes;
    uint64_t now_ms;     /* CLOCK_MONOTONIC; the newest birth if not known */
    bool is_torn;        /* it changed while it was copied */
    bool knows_resident; /* profile_join() could tell */
    size_t strange;      /* records that made no sense, left out */
};

/*
 * NULL with *failure: the target has no profile, or it was never on, or its
 * tables are not readable.
 */
struct profile *profile_load(struct target *target, struct failure *failure);
void profile_free(struct profile *profile);

/* The frames of a stack, innermost first. */
const uintptr_t *profile_frames(const struct profile *profile, size_t stack,
                                size_t *depth);

/* Blocks that a sample stands for. */
static inline double sample_weight(const struct prof_sample *sample)
{
    return (double)sample->weight / PROF_ONE;
}

/* The sample of the block that malloc returned; NULL: none. */
const struct live_sample *profile_find(const struct profile *profile,
                                       uintptr_t mem);

/*
 * Looks up each sampled block in the heap; `pins`: those that hold memory too.
 * The target should stand.
 */
void profile_join(struct profile *profile, const struct model *model,
                  bool pins);

#endif
