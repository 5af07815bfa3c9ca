/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_REGISTRY_H
#define LIBALLOC_HEAP_REGISTRY_H
/*
 * All heaps: ids, owners, the idle stack from which new threads adopt.
 *
 *            first allocation             thread exit
 *   (none) ------------------> OWNED -------------------> IDLE
 *                                ^                          |
 *                                +--------------------------+
 *                                  adopted by a new thread
 *   In the child of a fork, heaps of the parent's other threads: ORPHAN.
 *
 * Layer: heap.  Heaps are never freed: a pointer to one stays valid.
 */
#include "base/atomic.h"
#include "base/compiler.h"
#include "base/lock.h"
#include "heap/heap_lock.h"
#include "layout/heap.h"

#include <stdbool.h>

enum {
    MAX_HEAPS = 65536,
};

/*
 * What malloc() and free() use: the thread's heap, or a dummy that sends every
 * call down the slow path.  Two, for a profile counts what is allocated, and
 * frees need not wait for that.  Other threads write them, too: see
 * registry_set_slow().
 */
struct thread_fronts {
    struct heap *_Atomic alloc;
    struct heap *_Atomic free;
};
extern HIDDEN TLS_IE struct thread_fronts thread_fronts;

static inline struct heap *heap_front(void)
{
    /* stale ok: a call that is on its way goes the way it went */
    return load_relaxed(&thread_fronts.alloc);
}

/* The same for free() and whatever else asks what a block is. */
static inline struct heap *heap_back(void)
{
    /* stale ok: as above */
    return load_relaxed(&thread_fronts.free);
}

extern HIDDEN struct heap heap_dummy;
extern HIDDEN struct lock registry_lock;

/* Immutable once set: id to heap.  Stale ok: ids travel with pointers. */
extern HIDDEN struct heap *heap_table[MAX_HEAPS];
extern HIDDEN uint32_t heap_count; /* Protected by: registry_lock */

/* Heaps there are.  Stale ok: for budgets that they share. */
uint32_t registry_heaps(void);

static inline struct heap *heap_by_id(uint32_t id)
{
    return heap_table[id % MAX_HEAPS];
}

/*
 * The calling thread's heap: adopted, or new.  NULL: the thread has ended
 * already, there are arena_max heaps, or no memory; use heap_shared().
 */
struct heap *heap_get(void);

/* A heap that any thread may use under its lock; NULL before the first. */
struct heap *heap_shared(void);

/* Sets up the first heap's arena on brk.  Call once. */
bool registry_init(void);

/* Why every call should be slow. */
enum slow_reason {
    SLOW_ALWAYS = 1,   /* hardened, perturbed, watched: from the start on */
    SLOW_PROFILED = 2, /* allocations are counted: not free() */
};

/*
 * Sends every call of malloc() and, but for SLOW_PROFILED, of free() of all
 * threads down the slow path, or no longer.  Takes registry_lock.
 */
void registry_set_slow(enum slow_reason reason, bool slow);

/* Makes the calling thread's next call take the slow path, or no longer. */
void registry_set_armed(bool armed);

/* Empties the bins of one idle heap that still holds some. */
void registry_flush_idle(uint64_t now_ms);

/*
 * Gives back memory of one heap whose owner makes no calls: it is blocked, or
 * has ended.  Nobody else would, of what was tolerated while it was busy.
 */
void registry_help_idle(uint64_t now_ms);

/* Calls for each heap, with registry_lock held. */
void registry_walk(void (*visit)(struct heap *heap, void *data), void *data);

/* For atfork: every heap lock, in order of id. */
void registry_lock_all(void);
void registry_unlock_all(void);

/* True when this thread holds one of our locks: it is in a signal handler. */
bool registry_is_busy(void);

/* In the child: `reset` for each lock; other threads' heaps are orphans. */
void registry_reset_child(void (*reset)(struct lock *lock));

#endif
