/* SPDX-License-Identifier: MIT */
#include "prof/prof.h"

#include "arena/chunk.h"
#include "base/bits.h"
#include "base/debug.h"
#include "base/lock.h"
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

struct prof profile = {.lock = LOCK_INIT(LOCK_RANK_PROF)};
_Atomic bool prof_counts;
_Atomic bool prof_is_alone;
_Atomic bool prof_has_samples;

/* A block that a handler freed. */
struct deferred {
    struct deferred *next;
    uintptr_t key; /* chunk_secret ^ address: freed twice? */
};

/*
 * A signal handler may run while its thread is at the profile.  To block
 * signals would be two system calls a sample, several times what the rest
 * costs; so a handler that finds `inside` set takes no sample, and what it
 * frees of a page with samples is freed when the interrupted turn is done.
 */
static TLS_IE struct guard {
    bool inside; /* this thread holds the lock, or is about to */
    bool frees;  /* it is in free_deferred(): signals may come back to back,
                    so that must not nest */
    struct deferred *_Atomic deferred; /* Atomic: for handlers amid handlers */
} guard;

/* What leave() puts back: true = a handler came between the two lines here. */
static bool enter(void) ACQUIRES(profile.lock)
{
    bool was_inside = guard.inside;

    guard.inside = true;
    compiler_barrier();
    lock_acquire(&profile.lock);
    return was_inside;
}

static void release(bool was_inside) RELEASES(profile.lock)
{
    lock_release(&profile.lock);
    compiler_barrier();
    guard.inside = was_inside;
    compiler_barrier();
}

static COLD void free_deferred(void)
{
    /* acquire: pairs with the release in prof_defers_free(), by a handler */
    struct deferred *block = exchange_acquire(&guard.deferred, NULL);

    while (block != NULL) {
        struct deferred *next = block->next;
        struct prof_sample sample;
        (void)prof_take(block, &sample);
        block->key = 0;
        if (harden_active) {
            harden_free(block);
        } else {
            heap_free(block);
        }
        block = next;
    }
}

static void leave(bool was_inside) RELEASES(profile.lock)
{
    release(was_inside);
    /* stale ok: the thread's own */
    while (UNLIKELY(load_relaxed(&guard.deferred) != NULL) && !was_inside &&
           !guard.frees) {
        guard.frees = true;
        compiler_barrier();
        free_deferred();
        compiler_barrier();
        guard.frees = false;
        compiler_barrier();
    }
}

bool prof_start(size_t period)
{
    bool was_inside = enter();
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
    leave(was_inside);
    if (done)
        registry_set_slow(SLOW_PROFILED, true);
    return done;
}

void prof_stop(void)
{
    bool was_inside = enter();

    /* stale ok: see prof_start() */
    if (load_relaxed(&profile.active) != 0)
        profile.stopped_ms = os_time_ms();
    /* stale ok: see prof_start() */
    store_relaxed(&profile.active, 0);
    /* stale ok: see prof.h */
    store_relaxed(&prof_counts, false);
    /* stale ok: see prof.h */
    store_relaxed(&prof_is_alone, false);
    leave(was_inside);
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
    /* By a handler; or by the unwinder, then it is not the program's. */
    if (guard.inside)
        return;
    size_t usable = usable_of(mem);
    bool was_inside = enter();
    add_sample(mem, size, usable);
    leave(was_inside);
}

void *prof_hit(void *mem, size_t size)
{
    if (sampler_is_hit(size))
        take_sample(mem, size);
    return mem;
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
    if (mem == NULL) {
        mem =
            harden_active ? harden_alloc(size, fresh) : heap_alloc(size, fresh);
    }
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

bool prof_holds_back(const void *mem)
{
    return UNLIKELY(guard.inside) &&
           sample_table_holds(&profile, (uintptr_t)mem);
}

bool prof_defers_free(void *mem)
{
    struct deferred *block = mem;

    if (LIKELY(!prof_holds_back(mem)))
        return false;
    uintptr_t key = chunk_secret ^ (uintptr_t)mem;
    /* A hardened block may have no room: its sample stays behind, until its
       address is sampled and freed again. */
    if (usable_of(mem) < sizeof *block)
        return false;
    if (block->key == key)
        fatal("double free or corruption", mem);
    block->key = key;
    /* stale ok: the exchange compares it */
    block->next = load_relaxed(&guard.deferred);
    /* release: pairs with free_deferred() */
    while (!cas_weak_release(&guard.deferred, &block->next, block)) {
    }
    return true;
}

bool prof_take(const void *mem, struct prof_sample *sample)
{
    if (LIKELY(!sample_table_holds(&profile, (uintptr_t)mem)) || guard.inside)
        return false;
    bool was_inside = enter();
    bool taken = sample_table_take(&profile, (uintptr_t)mem, sample);
    if (taken) {
        profile.stacks[sample->stack].freed_age_ms +=
            os_time_ms() - sample->birth_ms;
    }
    leave(was_inside);
    return taken;
}

void prof_put_back(const struct prof_sample *sample)
{
    bool was_inside = enter();

    profile.stacks[sample->stack].freed_age_ms -=
        os_time_ms() - sample->birth_ms;
    sample_table_add(&profile, sample);
    leave(was_inside);
}

/* Of the thread that forks.  Protected by: the lock */
static bool forker_was_inside;

NO_THREAD_SAFETY void prof_lock(void)
{
    forker_was_inside = enter();
}

NO_THREAD_SAFETY void prof_unlock(void)
{
    leave(forker_was_inside);
}

void prof_reset_child(void (*reset)(struct lock *lock))
{
    if (lock_is_mine(&profile.lock) && reset == lock_reset)
        guard.inside = forker_was_inside;
    reset(&profile.lock);
}
