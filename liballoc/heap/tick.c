/* SPDX-License-Identifier: MIT */
/*
 * Time-driven duties, run on slow paths of malloc and free alike.
 */
#include "arena/arena.h"
#include "arena/mmap_kept.h"
#include "base/atomic.h"
#include "base/bits.h"
#include "base/lock.h"
#include "base/tunables.h"
#include "heap/bin.h"
#include "heap/heap.h"
#include "heap/remote.h"
#include "os/os_mem.h"
#include "page/page_list.h"
#include "page/reclaim.h"
#include "slab/slab_cache.h"

enum {
    IDLE_GAP_MS = 50, /* slow calls further apart: the thread has time */
    IDLE_TRIM = 20,   /* late calls after which all goes back */
    IDLE_CALLS = 40,  /* late calls after which the thread is left alone */
    WAKE_CALLS = 8,   /* calls in a row that an idle thread may make */
};

/*
 * Bins that saw no slow event since the last tick go back.  A busy bin may be
 * among them: filling it again costs less than what idle ones would pin.
 */
static void flush_unused(struct heap *heap) REQUIRES(heap->lock)
{
    for (unsigned index = 0; index < NHEAPBINS; index++) {
        if (!heap->used[index])
            bin_drain_locked(heap, index);
        heap->used[index] = 0;
    }
}

static void tick(struct heap *heap, uint64_t now_ms)
{
    /* stale ok: others only decide by it whether to help */
    store_relaxed(&heap->tick_ms, now_ms);
    remote_flush(heap);
    heap_lock(heap);
    remote_collect_owner(heap);
    flush_unused(heap);
    arena_tick(&heap->arena, now_ms, true);
    heap_unlock(heap);
    mmap_kept_tick(now_ms);
    registry_flush_idle(now_ms);
    registry_help_idle(now_ms);
}

/*
 * An idle thread makes few calls, and fast ones: nobody would look at the
 * clock.  So a call that comes late makes the next ones slow too, as long as
 * late ones keep coming; in a busy thread none does.
 */
static void arm_if_idle(struct heap *heap, uint64_t now_ms)
{
    bool is_late = now_ms - heap->slow_ms >= IDLE_GAP_MS;

    heap->slow_ms = now_ms;
    heap->busy_calls = is_late ? 0 : heap->busy_calls + 1;
    heap->idle_calls += is_late;
    if (heap->busy_calls > WAKE_CALLS)
        heap->idle_calls = 0;
    registry_set_armed(heap->idle_calls > 0 && heap->idle_calls < IDLE_CALLS);
}

void (*heap_duty)(void);

void heap_maintain(struct heap *heap)
{
    uint64_t now_ms = os_time_ms();

    if (UNLIKELY(heap_duty != NULL))
        heap_duty();

    arm_if_idle(heap, now_ms);

    /* stale ok: the thread's own */
    if (now_ms - load_relaxed(&heap->tick_ms) >= tunables.purge_delay) {
        tick(heap, now_ms);
    } else {
        heap_lock(heap);
        if (UNLIKELY(arena_note_idle(&heap->arena) || reclaim_is_due(now_ms)))
            arena_tick(&heap->arena, now_ms, true);
        heap_unlock(heap);
    }
    if (UNLIKELY(reclaim_is_due(now_ms))) {
        mmap_kept_tick(now_ms);
        reclaim_tick(now_ms);
    }
    if (UNLIKELY(heap->idle_calls == IDLE_TRIM && heap->busy_calls == 0))
        heap_trim(tunables.top_pad);
}

/* What one heap can give without its owner: all but the bins. */
static size_t trim_shared(struct heap *heap, size_t pad) REQUIRES(heap->lock)
{
    struct slab_source from = heap_slab_source(heap);
    size_t given = 0;

    remote_collect_helper(heap);
    for (unsigned cls = 0; cls < NSLAB; cls++)
        given += slab_cache_shrink(&heap->slab_caches[cls], &from);
    heap_drain_pages(heap);
    return given + arena_trim(&heap->arena, pad);
}

static void trim_heap(struct heap *heap, void *data)
{
    const size_t *pad = data;
    bool is_mine = heap == thread_own;

    heap_lock(heap);
    /* stale ok: the walk holds the registry's lock */
    if (is_mine || load_relaxed(&heap->state) == HEAP_IDLE) {
        for (unsigned index = 0; index < NHEAPBINS; index++)
            bin_flush_locked(heap, index);
    }
    trim_shared(heap, *pad);
    heap_unlock(heap);
}

size_t heap_trim(size_t pad)
{
    size_t before = reclaim_total();

    if (thread_own != NULL)
        remote_flush(thread_own);
    registry_walk(trim_heap, &pad);
    mmap_kept_trim();
    reclaim_all(0);
    return reclaim_total() - before;
}
