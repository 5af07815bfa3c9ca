/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_HEAP_LOCK_H
#define LIBALLOC_HEAP_HEAP_LOCK_H
/*
 * The lock of a heap, biased to its owner: the owner enters with two plain
 * stores and a load, helpers (trim, statistics, fork, whoever frees for a
 * blocked owner) pay for both sides with membarrier(2).
 *
 *   owner                          helper
 *   epoch = odd                    take lock
 *   (compiler barrier only)        helping = odd
 *   helping odd? -> leave, lock    membarrier: every CPU has seen one of both
 *   ... works ...                  wait until epoch is even
 *   epoch = even                   ... works ...
 *                                  helping = even, drop lock
 *
 * Either the owner sees `helping`, or the helper sees the odd epoch.  Both
 * only count up, so that a reader in another process can tell whether anything
 * changed while it looked.
 * Layer: heap.  Source: Dice, Huang, Yang, Asymmetric Dekker Synchronization
 * (2001); the kernel's Documentation on membarrier.
 */
#include "base/atomic.h"
#include "base/compiler.h"
#include "base/config.h"
#include "base/lock.h"
#include "layout/heap.h"
#include "os/os_barrier.h"

#include <stdbool.h>

/* The thread's heap; NULL before its first allocation and after its end. */
extern HIDDEN TLS_IE struct heap *thread_own;

void heap_lock_remote(struct heap *heap) ACQUIRES(heap->lock);
void heap_unlock_remote(struct heap *heap) RELEASES(heap->lock);

/* False: somebody else is at work there, or the owner does not leave soon. */
bool heap_try_lock_remote(struct heap *heap) TRY_ACQUIRES(true, heap->lock);

/* The owner met a helper: waits for it, and works under the plain lock. */
void heap_lock_contended(struct heap *heap);
void heap_unlock_contended(struct heap *heap);

ALWAYS_INLINE NO_THREAD_SAFETY void heap_lock_owner(struct heap *heap)
{
    /* stale ok: only the owner writes it */
    uint32_t epoch = load_relaxed(&heap->epoch);

    /* stale ok: ordered against the load below by the helper's membarrier */
    store_relaxed(&heap->epoch, epoch + 1);
    if (UNLIKELY(!os_membarrier_works))
        fence_seq_cst();
    /* pairs with a reader in another process: odd epoch before any change */
    fence_release();
    /* acquire: pairs with the release in heap_unlock_remote() */
    if (UNLIKELY((load_acquire(&heap->helping) & 1) != 0))
        heap_lock_contended(heap);
}

/*
 * For short work on the fast path's edge: the epoch to leave with, or an odd
 * number if a helper is there.  Precondition: heap_enter_works().
 */
ALWAYS_INLINE uint32_t heap_try_enter(struct heap *heap)
{
    /* stale ok: only the owner writes it */
    uint32_t epoch = load_relaxed(&heap->epoch);

    /* stale ok: ordered against the load below by the helper's membarrier */
    store_relaxed(&heap->epoch, epoch + 1);
    /* pairs with a reader in another process: odd epoch before any change */
    fence_release();
    compiler_barrier();
    /* acquire: pairs with the release in heap_unlock_remote() */
    if (LIKELY((load_acquire(&heap->helping) & 1) == 0))
        return epoch;
    /* release: lets the helper go on; pairs with owner_wait() */
    store_release(&heap->epoch, epoch + 2);
    return 1;
}

static inline bool heap_enter_works(void)
{
    return config_biased && os_membarrier_works;
}

ALWAYS_INLINE void heap_leave(struct heap *heap, uint32_t epoch)
{
    /* release: publishes the owner's changes; pairs with owner_wait() */
    store_release(&heap->epoch, epoch + 2);
}

/*
 * Tells readers in other processes that the owner is in the midst of a change
 * to what no lock guards; nobody is kept out.  Nests within the lock.  Returns
 * what heap_settle() wants.
 */
ALWAYS_INLINE uint32_t heap_unsettle(struct heap *heap)
{
    /* stale ok: only the owner writes it */
    uint32_t epoch = load_relaxed(&heap->epoch);

    /* stale ok: ordered by the fence */
    store_relaxed(&heap->epoch, epoch | 1);
    /* pairs with a reader in another process: odd epoch before any change */
    fence_release();
    return epoch;
}

ALWAYS_INLINE void heap_settle(struct heap *heap, uint32_t epoch)
{
    /* release: publishes the change; pairs with owner_wait() */
    store_release(&heap->epoch, (epoch & 1) != 0 ? epoch : epoch + 2);
}

ALWAYS_INLINE NO_THREAD_SAFETY void heap_unlock_owner(struct heap *heap)
{
    if (UNLIKELY(heap->by_lock)) {
        heap_unlock_contended(heap);
        return;
    }
    /* stale ok: only the owner writes it */
    uint32_t epoch = load_relaxed(&heap->epoch);
    /* release: publishes the owner's changes; pairs with owner_wait() */
    store_release(&heap->epoch, epoch + 1);
}

/* For whoever it is. */
ALWAYS_INLINE void heap_lock(struct heap *heap) ACQUIRES(heap->lock);
ALWAYS_INLINE void heap_unlock(struct heap *heap) RELEASES(heap->lock);

ALWAYS_INLINE NO_THREAD_SAFETY void heap_lock(struct heap *heap)
{
    if (config_biased && LIKELY(heap == thread_own)) {
        heap_lock_owner(heap);
    } else {
        heap_lock_remote(heap);
    }
}

ALWAYS_INLINE NO_THREAD_SAFETY void heap_unlock(struct heap *heap)
{
    if (config_biased && LIKELY(heap == thread_own)) {
        heap_unlock_owner(heap);
    } else {
        heap_unlock_remote(heap);
    }
}

#endif
