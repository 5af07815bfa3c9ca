/* SPDX-License-Identifier: MIT */
#include "heap/heap_lock.h"

#include "base/syscall.h"

enum {
    TRY_SPINS = 256, /* a helper's patience before it gives up */
    SPINS = 64,      /* ... before it yields its time slice */
};

NO_THREAD_SAFETY void heap_lock_contended(struct heap *heap)
{
    /* stale ok: only the owner writes it */
    uint32_t epoch = load_relaxed(&heap->epoch);

    /* release: lets the helper go on; pairs with owner_wait() */
    store_release(&heap->epoch, epoch + 1);
    lock_acquire(&heap->lock);
    /* stale ok: helpers are kept out by the lock now */
    store_relaxed(&heap->epoch, epoch + 2);
    heap->by_lock = 1;
}

NO_THREAD_SAFETY void heap_unlock_contended(struct heap *heap)
{
    /* stale ok: only the owner writes it */
    uint32_t epoch = load_relaxed(&heap->epoch);

    heap->by_lock = 0;
    /* release: publishes the owner's changes; pairs with owner_wait() */
    store_release(&heap->epoch, epoch + 1);
    lock_release(&heap->lock);
}

/* True when the owner is out, within `spins` rounds (0 = for ever). */
static bool owner_wait(struct heap *heap, int spins)
{
    for (int i = 0;; i++) {
        /* acquire: pairs with the release in heap_unlock_owner() */
        if ((load_acquire(&heap->epoch) & 1) == 0)
            return true;
        if (spins != 0 && i >= spins)
            return false;
        if (i < SPINS) {
            cpu_relax();
        } else {
            syscall3(SYS_sched_yield, 0, 0, 0);
        }
    }
}

static void helping_start(struct heap *heap)
{
    /* stale ok: written under the lock only */
    uint32_t helping = load_relaxed(&heap->helping);

    /* stale ok: ordered against the owner's load by the membarrier */
    store_relaxed(&heap->helping, helping + 1);
    if (config_biased)
        os_membarrier();
}

static void helping_end(struct heap *heap)
{
    /* stale ok: written under the lock only */
    uint32_t helping = load_relaxed(&heap->helping);

    /* release: publishes the helper's changes; pairs with heap_lock_owner() */
    store_release(&heap->helping, helping + 1);
}

NO_THREAD_SAFETY void heap_lock_remote(struct heap *heap)
{
    lock_acquire(&heap->lock);
    helping_start(heap);
    owner_wait(heap, 0);
}

NO_THREAD_SAFETY void heap_unlock_remote(struct heap *heap)
{
    helping_end(heap);
    lock_release(&heap->lock);
}

NO_THREAD_SAFETY bool heap_try_lock_remote(struct heap *heap)
{
    if (!lock_try_acquire(&heap->lock))
        return false;
    helping_start(heap);
    if (owner_wait(heap, TRY_SPINS))
        return true;
    heap_unlock_remote(heap);
    return false;
}
