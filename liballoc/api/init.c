/* SPDX-License-Identifier: MIT */
#include "api/init.h"

#include "api/root.h"
#include "api/watch.h"
#include "arena/chunk.h"
#include "arena/mmap_chunk.h"
#include "base/atomic.h"
#include "base/debug.h"
#include "base/lock.h"
#include "base/print.h"
#include "base/syscall.h"
#include "base/tunables.h"
#include "harden/harden.h"
#include "heap/describe.h"
#include "heap/registry.h"
#include "heap/thread_exit.h"
#include "os/os_barrier.h"
#include "os/os_env.h"
#include "page/zone.h"

#include <fcntl.h>
#include <malloc.h>

enum {
    STATS_FD_MIN = 100, /* out of the way of programs that count on 3, 4, ... */
};

_Atomic int init_state;
static struct lock init_lock = LOCK_INIT(LOCK_RANK_INIT);

bool init_done(void)
{
    /* acquire: pairs with the release in init_slow() */
    return load_acquire(&init_state) == INIT_DONE;
}

/* Once more, if there was no memory for it the first time. */
static bool start(bool is_first)
{
    watch_init();
    if (watch_is_aside())
        return true;
    if (is_first) {
        size_t threshold = tunables.mmap_threshold;
        tunables_read_environment(os_environment(), os_is_secure());
        if (tunables.mmap_threshold != threshold)
            mmap_threshold_fix();
        thread_exit_init();
    }
    chunk_secret = os_random() * 0x9e3779b97f4a7c15u;
    os_membarrier_init();
    if (zone_count == 0 && !zone_init())
        return false;
    if (watcher == NULL)
        harden_init();
    if (tunables.perturb != 0 || harden_wraps || watcher != NULL)
        registry_set_slow(SLOW_ALWAYS, true);
    if (tunables.slab_max == 0 && !mmap_threshold_is_fixed())
        tunables.mmap_threshold = 128 * KIB;
    if (!registry_init())
        return false;
    fatal_describe = describe_block;
    root_init();
    return true;
}

bool init_slow(void)
{
    if (lock_is_mine(&init_lock))
        return false; /* a signal handler, or libc called from start() */
    lock_acquire(&init_lock);
    /* stale ok: written under the lock that is held */
    int state = load_relaxed(&init_state);
    if (state != INIT_DONE) {
        state = start(state == INIT_NONE) ? INIT_DONE : INIT_FAILED;
        /* release: publishes the library; pairs with init_done() */
        store_release(&init_state, state);
        lock_release(&init_lock);
        if (state == INIT_DONE && !watch_is_aside())
            fork_init();
        return state == INIT_DONE;
    }
    lock_release(&init_lock);
    return state == INIT_DONE;
}

/* A copy of stderr: many programs close theirs before destructors run. */
static int stats_fd = -1;

static __attribute__((constructor)) void at_start(void)
{
    if (!init_check())
        return;
    snapshot_init();
    prof_init();
    leak_check_init();
    if (tunables.stats != 0)
        stats_fd = (int)syscall3(SYS_fcntl, 2, F_DUPFD_CLOEXEC, STATS_FD_MIN);
}

static __attribute__((destructor)) void at_exit(void)
{
    if (stats_fd < 0)
        return;
    print_redirect(stats_fd);
    malloc_stats();
}
