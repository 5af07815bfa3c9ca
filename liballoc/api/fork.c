/* SPDX-License-Identifier: MIT */
/*
 * fork(): every lock is taken along the lock order before, and released (in
 * the child: made anew) after.  The child has one thread; the heaps of the
 * others stay readable and accept frees, but nobody adopts them: their bins
 * may have been caught between two stores.
 */
#include "api/init.h"

#include "api/root.h"
#include "arena/mmap_kept.h"
#include "base/lock.h"
#include "heap/registry.h"
#include "page/meta.h"
#include "page/zone.h"
#include "prof/prof.h"
#include "slab/object_cache.h"

#include <pthread.h>

/* False where this thread interrupted itself in the allocator. */
static TLS_IE bool fork_locked;

static NO_THREAD_SAFETY void prepare(void)
{
    /* fork() in a signal handler that interrupted a slow path of ours: the
       locks cannot all be had, and nobody will be hurt but this thread. */
    fork_locked = !registry_is_busy();
    if (!fork_locked)
        return;
    object_caches_lock();
    prof_lock();
    registry_lock_all();
    lock_acquire(&mmap_lock);
    zones_lock();
    lock_acquire(&meta_lock);
}

static NO_THREAD_SAFETY void parent(void)
{
    if (!fork_locked)
        return;
    lock_release(&meta_lock);
    zones_unlock();
    lock_release(&mmap_lock);
    registry_unlock_all();
    prof_unlock();
    object_caches_unlock();
}

static void child(void)
{
    /* Locked by prepare(), they are this thread's: free them all.  Else free
       what other threads held; the interrupted call will drop the rest. */
    void (*reset)(struct lock *) =
        fork_locked ? lock_reset : lock_reset_foreign;

    reset(&meta_lock);
    zones_reset(reset);
    reset(&mmap_lock);
    object_caches_reset(reset);
    registry_reset_child(reset);
    prof_reset_child(reset);
    root_after_fork();
}

void fork_init(void)
{
    pthread_atfork(prepare, parent, child);
}
