/* SPDX-License-Identifier: MIT */
#include "prof/prof.h"

#include "base/bits.h"
#include "base/lock.h"
#include "base/syscall.h"
#include "base/tunables.h"
#include "harden/harden.h"
#include "heap/heap.h"
#include "os/os_env.h"
#include "os/os_mem.h"
#include "prof/module_table.h"
#include "prof/prof_fast.h"
#include "prof/sample_table.h"
#include "prof/sampler.h"
#include "prof/stack_table.h"
#include "prof/unwind.h"

#include <signal.h>

struct prof profile = {.lock = LOCK_INIT(LOCK_RANK_PROF)};
_Atomic bool prof_counts;
_Atomic bool prof_is_alone;
_Atomic bool prof_has_samples;

/* Blocked while the lock is held: no handler of this thread can want it. */
static uint64_t enter(void) ACQUIRES(profile.lock)
{
    const uint64_t all = UINT64_MAX;
    uint64_t old = 0;

    syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&old,
             sizeof all, 0, 0);
    lock_acquire(&profile.lock);
    return old;
}

static void leave(uint64_t old) RELEASES(profile.lock)
{
    lock_release(&profile.lock);
    syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&old, 0, sizeof old, 0, 0);
}

bool prof_start(size_t period)
{
    uint64_t mask = enter();
    bool done = stack_table_init(&profile) && module_table_init(&profile) &&
                sample_table_init(&profile);

    if (done) {
        profile.period = min_size(max_size(period, 1), PROF_PERIOD_MAX);
        sampler_set_period(profile.period);
        profile.unwinder = unwind_kind();
        if (profile.started_ms == 0)
            profile.started_ms = os_time_ms();
        profile.stopped_ms = 0;
        /* stale ok: for readers of the root */
        store_relaxed(&profile.active, 1);
        /* stale ok: see prof.h */
        store_relaxed(&prof_has_samples, true);
        /* stale ok: see prof.h */
        store_relaxed(&prof_counts, true);
        /* stale ok: see prof.h */
        store_relaxed(&prof_is_alone, !harden_wraps && tunables.perturb == 0);
    }
    leave(mask);
    if (done)
        registry_set_slow(SLOW_PROFILED, true);
    return done;
}

void prof_stop(void)
{
    uint64_t mask = enter();

    /* stale ok: see prof_start() */
    if (load_relaxed(&profile.active) != 0)
        profile.stopped_ms = os_time_ms();
    /* stale ok: see prof_start() */
    store_relaxed(&profile.active, 0);
    /* stale ok: see prof.h */
    store_relaxed(&prof_counts, false);
    /* stale ok: see prof.h */
    store_relaxed(&prof_is_alone, false);
    leave(mask);
    registry_set_slow(SLOW_PROFILED, false);
}

static size_t usable_of(const void *mem)
{
    struct block block;

    if (harden_active)
        return harden_usable(mem);
    block_find(mem, &block);
    return block.usable;
}

/* Under the lock. */
static void add_sample(void *mem, size_t size, size_t usable)
{
    uintptr_t pcs[PROF_DEPTH];
    unsigned depth = unwind_stack(pcs, PROF_DEPTH, 2);
    uint64_t known = profile.nstacks;
    uint32_t at = stack_table_intern(&profile, pcs, depth);
    if (profile.nstacks > known)
        module_table_note(&profile, pcs, depth);
    struct prof_stack *stack = &profile.stacks[at];
    struct prof_sample sample = {
        .address = (uintptr_t)mem,
        .size = size,
        .usable = usable,
        .weight = sampler_weight(size, profile.period),
        .birth_ms = os_time_ms(),
        .stack = at,
        .tid = thread_own != NULL ? thread_own->tid : os_tid(),
    };

    stack->samples++;
    stack->alloc_objects += sample.weight;
    stack->alloc_bytes += sample_bytes(&sample);
    sample_table_add(&profile, &sample);
}

static NOINLINE void take_sample(void *mem, size_t size)
{
    /* The unwinder asked for memory: not the program's. */
    if (lock_is_mine(&profile.lock))
        return;
    size_t usable = usable_of(mem);
    uint64_t mask = enter();
    add_sample(mem, size, usable);
    leave(mask);
}

void prof_hit(void *mem, size_t size)
{
    if (sampler_is_hit(size))
        take_sample(mem, size);
}

void prof_count(void *mem, size_t size)
{
    if (UNLIKELY(sampler_passes(size)))
        prof_hit(mem, size);
}

void *prof_alloc(size_t size, bool *fresh)
{
    void *mem = prof_is_on() ? prof_fast_alloc(size) : NULL;

    *fresh = false;
    if (LIKELY(mem != NULL))
        return mem;
    mem = harden_active ? harden_alloc(size, fresh) : heap_alloc(size, fresh);
    if (LIKELY(mem != NULL))
        prof_count(mem, size);
    return mem;
}

void *prof_alloc_aligned(size_t size, size_t align)
{
    void *mem = NULL;

    if (prof_is_on() && thread_own != NULL)
        mem = fast_alloc_aligned(thread_own, size, align);
    if (mem == NULL) {
        mem = harden_active ? harden_alloc_aligned(size, align)
                            : heap_alloc_aligned(size, align);
    }
    if (mem != NULL)
        prof_count(mem, size);
    return mem;
}

bool prof_take(const void *mem, struct prof_sample *sample)
{
    if (LIKELY(!sample_table_holds(&profile, (uintptr_t)mem)) ||
        lock_is_mine(&profile.lock))
        return false;
    uint64_t mask = enter();
    bool taken = sample_table_take(&profile, (uintptr_t)mem, sample);
    if (taken) {
        profile.stacks[sample->stack].freed_age_ms +=
            os_time_ms() - sample->birth_ms;
    }
    leave(mask);
    return taken;
}

void prof_put_back(const struct prof_sample *sample)
{
    uint64_t mask = enter();

    profile.stacks[sample->stack].freed_age_ms -=
        os_time_ms() - sample->birth_ms;
    sample_table_add(&profile, sample);
    leave(mask);
}

NO_THREAD_SAFETY void prof_lock(void)
{
    lock_acquire(&profile.lock);
}

NO_THREAD_SAFETY void prof_unlock(void)
{
    lock_release(&profile.lock);
}

void prof_reset_child(void (*reset)(struct lock *lock))
{
    reset(&profile.lock);
}
