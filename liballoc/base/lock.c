/* SPDX-License-Identifier: MIT */
#include "base/lock.h"

#include "base/atomic.h"
#include "base/debug.h"
#include "base/syscall.h"

#include <linux/futex.h>

enum {
    SPINS = 64, /* about 2 us: longer than any critical section but madvise */
};

/* Ranks held by this thread, one bit each; kept in debug builds only. */
static TLS_IE uint32_t ranks_held;

/* Locks this thread holds or is about to: fork() in a signal handler asks. */
static TLS_IE int locks_held;

int lock_held_count(void)
{
    return locks_held;
}

uintptr_t lock_self(void)
{
    return (uintptr_t)&ranks_held;
}

static void rank_push(struct lock *lock)
{
    if (config_debug == 0)
        return;
    /* Two locks of one rank are only ever taken by try or by fork. */
    ASSERT(1, (ranks_held >> lock->rank) <= 1);
    ranks_held |= 1u << lock->rank;
}

static void futex_wait(struct lock *lock)
{
    syscall6(SYS_futex, (long)&lock->state, FUTEX_WAIT_PRIVATE, 2, 0, 0, 0);
}

static COLD void lock_acquire_slow(struct lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        uint32_t expected = 0;
        /* acquire: pairs with the exchange in lock_release() */
        if (cas_acquire(&lock->state, &expected, 1))
            return;
        cpu_relax();
    }
    /* acquire: pairs with the exchange in lock_release() */
    while (exchange_acquire(&lock->state, 2) != 0)
        futex_wait(lock);
}

NO_THREAD_SAFETY void lock_acquire(struct lock *lock)
{
    uint32_t expected = 0;

    locks_held++;
    compiler_barrier();
    /* acquire: pairs with the exchange in lock_release() */
    if (!cas_acquire(&lock->state, &expected, 1))
        lock_acquire_slow(lock);
    /* stale ok: only the owner compares it with itself */
    store_relaxed(&lock->owner, lock_self());
    rank_push(lock);
}

NO_THREAD_SAFETY bool lock_try_acquire(struct lock *lock)
{
    uint32_t expected = 0;

    locks_held++;
    compiler_barrier();
    /* acquire: pairs with the exchange in lock_release() */
    if (!cas_acquire(&lock->state, &expected, 1)) {
        locks_held--;
        return false;
    }
    /* stale ok: only the owner compares it with itself */
    store_relaxed(&lock->owner, lock_self());
    if (config_debug > 0)
        ranks_held |= 1u << lock->rank;
    return true;
}

NO_THREAD_SAFETY void lock_release(struct lock *lock)
{
    if (config_debug > 0)
        ranks_held &= ~(1u << lock->rank);
    /* stale ok: only the owner compares it with itself */
    store_relaxed(&lock->owner, 0);
    /* release: publishes the guarded state; pairs with lock_acquire() */
    if (exchange_release(&lock->state, 0) == 2)
        syscall6(SYS_futex, (long)&lock->state, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
    compiler_barrier();
    locks_held--;
}

bool lock_is_mine(struct lock *lock)
{
    /* stale ok: another thread's value never equals lock_self() */
    return load_relaxed(&lock->owner) == lock_self();
}

void lock_reset_foreign(struct lock *lock)
{
    /* stale ok: the child of a fork has one thread */
    if (load_relaxed(&lock->state) != 0 && !lock_is_mine(lock))
        lock_reset(lock);
}

void lock_reset(struct lock *lock)
{
    if (lock_is_mine(lock)) {
        locks_held--;
        ranks_held &= ~(1u << lock->rank);
    }
    /* stale ok: the child of a fork has one thread */
    store_relaxed(&lock->owner, 0);
    /* stale ok: as above */
    store_relaxed(&lock->state, 0);
}
