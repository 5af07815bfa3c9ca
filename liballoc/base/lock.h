/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_LOCK_H
#define LIBALLOC_BASE_LOCK_H
/*
 * Spin-then-futex locks with an owner and a rank.
 * Layer: base.  Never a cancellation point.
 *
 * Source of the three-state futex protocol: Drepper, "Futexes Are Tricky".
 */
#include "base/compiler.h"
#include "layout/lock.h"

#include <stdbool.h>
#include <stdint.h>

/* THE lock order: a thread takes locks only of a rank above those it holds. */
enum lock_rank {
    LOCK_RANK_CACHES, /* list of object caches */
    LOCK_RANK_CACHE,  /* one object cache: its slabs; constructors run in it */
    LOCK_RANK_INIT,   /* start of the library */
    LOCK_RANK_PROF,   /* the profile; handlers keep out (prof.c) */
    LOCK_RANK_HEAPS,  /* heap registry: ids, idle stack */
    LOCK_RANK_HEAP,   /* one heap: slab caches, arena, page lists, spares */
    LOCK_RANK_MMAP,   /* mmapped chunks and their reuse cache */
    LOCK_RANK_PURGE,  /* free pages on their way back to the kernel */
    LOCK_RANK_ADDING, /* adding a zone */
    LOCK_RANK_ZONE,   /* one zone: free areas, frontier, dirty map */
    LOCK_RANK_META,   /* metadata pool */
    LOCK_NRANKS,
};

#define LOCK_INIT(r) \
    {                \
        .rank = (r)  \
    }

/* Identifies the thread; the same in the child of a fork. */
uintptr_t lock_self(void);

void lock_acquire(struct lock *lock) ACQUIRES(*lock);
bool lock_try_acquire(struct lock *lock) TRY_ACQUIRES(true, *lock);
void lock_release(struct lock *lock) RELEASES(*lock);

/* True when this very thread holds it: a signal handler got in between. */
bool lock_is_mine(struct lock *lock);

/* Locks this thread holds, or is about to. */
int lock_held_count(void);

/* In the child of a fork: frees it, whoever held it. */
void lock_reset(struct lock *lock);

/*
 * The same unless this thread holds it: fork() in a signal handler.  A lock
 * that was taken but not yet signed by its owner counts as another's.
 */
void lock_reset_foreign(struct lock *lock);

#endif
