/* SPDX-License-Identifier: MIT */
#include "heap/registry.h"

#include "arena/arena.h"
#include "base/bits.h"
#include "base/list.h"
#include "base/tunables.h"
#include "heap/bin.h"
#include "heap/remote.h"
#include "heap/thread_exit.h"
#include "os/os_env.h"
#include "page/meta.h"
#include "page/page_list.h"
#include "slab/slab_cache.h"

/* All zero: every size leads to the first bin, which is empty; no tag lookup
   passes the bound. */
struct heap heap_dummy;
TLS_IE struct thread_fronts thread_fronts = {&heap_dummy, &heap_dummy};
TLS_IE struct heap *thread_own;

enum {
    PAGE_LIST_HIGH = 4, /* slabs' worth of free pages a thread keeps */
    PAGE_LIST_BATCH = 2,
    HELP_LOOKS = 16, /* heaps looked at per tick of a thread */
};

struct lock registry_lock = LOCK_INIT(LOCK_RANK_HEAPS);
struct heap *heap_table[MAX_HEAPS];
uint32_t heap_count = 1;            /* id 0 is nobody's */
static _Atomic uint32_t heaps_made; /* heap_count - 1, for who has no lock */
static struct list_head idle_heaps; /* Protected by: registry_lock */
static _Atomic uint32_t idle_unflushed; /* Protected by: registry_lock */
static uint32_t help_next;              /* Protected by: registry_lock */
static _Atomic uint32_t slow_mode;      /* enum slow_reason, ored */

static void heap_init_sizes(struct heap *heap)
{
    for (size_t i = 0; i < NSIZE_TABLE; i++) {
        unsigned index = bin_for(i == 0 ? 1 : i * 16);
        heap->bin_offset[i] = (uint16_t)(index * sizeof(struct bin));
    }
}

/* A new heap under the next id; NULL = no memory, or too many. */
static struct heap *heap_create(void) REQUIRES(registry_lock)
{
    uint32_t id = heap_count;

    if (id >= MAX_HEAPS || (tunables.arena_max != 0 && id > tunables.arena_max))
        return NULL;
    struct heap *heap = meta_alloc(sizeof *heap, _Alignof(struct heap));
    if (heap == NULL)
        return NULL;
    heap->base = zones[0].base;
    heap->npages = zones[0].npages;
    heap->tags = zones[0].tags;
    heap->pages = zones[0].pages;
    heap->key = object_secret;
    heap->id = id;
    heap->tag = tag_make(id, 0);
    heap->lock = (struct lock)LOCK_INIT(LOCK_RANK_HEAP);
    heap_init_sizes(heap);
    for (unsigned order = 0; order < SLAB_ORDERS; order++) {
        page_list_init(&heap->page_lists[order], order, PAGE_LIST_BATCH,
                       PAGE_LIST_HIGH);
    }
    arena_init(&heap->arena, id, id == 1);
    heap_table[id] = heap;
    heap_count = id + 1;
    /* stale ok: a budget */
    store_relaxed(&heaps_made, id);
    return heap;
}

static void unflushed_add(uint32_t more) REQUIRES(registry_lock)
{
    /* stale ok: written under registry_lock */
    store_relaxed(&idle_unflushed, load_relaxed(&idle_unflushed) + more);
}

static struct heap *heap_adopt(void) REQUIRES(registry_lock)
{
    struct list_head *first = list_first(&idle_heaps);

    if (first == NULL)
        return NULL;
    list_remove(first);
    struct heap *heap = CONTAINER_OF(first, struct heap, idle);
    unflushed_add(-(uint32_t)!heap->idle_flushed);
    return heap;
}

/* As the mode has it: under registry_lock it stays so. */
static void fronts_set(struct thread_fronts *fronts, struct heap *own)
{
    /* stale ok: written under registry_lock, else looked at again */
    uint32_t mode = load_relaxed(&slow_mode);

    /* stale ok: a call that is on its way goes the way it went */
    store_relaxed(&fronts->alloc, mode != 0 ? &heap_dummy : own);
    /* stale ok: as above */
    store_relaxed(&fronts->free, (mode & SLOW_ALWAYS) != 0 ? &heap_dummy : own);
}

static void fronts_close(void)
{
    /* stale ok: others only follow slow_mode */
    store_relaxed(&thread_fronts.alloc, &heap_dummy);
    /* stale ok: as above */
    store_relaxed(&thread_fronts.free, &heap_dummy);
}

static struct heap *heap_obtain(void)
{
    lock_acquire(&registry_lock);
    struct heap *heap = heap_adopt();
    if (heap == NULL)
        heap = heap_create();
    if (heap != NULL) {
        /* stale ok: written under the registry's lock only, as below */
        store_relaxed(&heap->state, HEAP_OWNED);
        heap->front = &thread_fronts;
        fronts_set(&thread_fronts, heap);
    }
    lock_release(&registry_lock);
    return heap;
}

uint32_t registry_heaps(void)
{
    /* stale ok: a budget */
    return load_relaxed(&heaps_made);
}

struct heap *heap_get(void)
{
    if (LIKELY(thread_own != NULL))
        return thread_own;
    if (thread_has_ended())
        return NULL;
    struct heap *heap = heap_obtain();
    if (heap == NULL)
        return NULL;
    heap->tid = os_tid();
    thread_own = heap;
    thread_exit_arm(heap);
    return heap;
}

struct heap *heap_shared(void)
{
    return heap_table[1];
}

/* The calling thread, which owns it, ends: the next new one gets it, bins and
   all. */
void registry_retire(struct heap *heap)
{
    lock_acquire(&registry_lock);
    /* stale ok: as in heap_obtain() */
    store_relaxed(&heap->state, HEAP_IDLE);
    heap->front = NULL;
    fronts_close();
    heap->tid = 0;
    heap->idle_flushed = 0;
    unflushed_add(1);
    list_insert(&idle_heaps, &heap->idle);
    lock_release(&registry_lock);
}

bool registry_init(void)
{
    object_secret = os_random() | 1;
    return heap_get() != NULL;
}

/* The owner may be about to store, too: see registry_set_armed(). */
static void set_front(struct heap *heap, void *data)
{
    (void)data;
    if (heap->front != NULL)
        fronts_set(heap->front, heap);
}

void registry_set_slow(enum slow_reason reason, bool slow)
{
    if (slow) {
        /* stale ok: the fence below */
        or_relaxed(&slow_mode, reason);
    } else {
        /* stale ok: the fence below */
        and_relaxed(&slow_mode, ~(uint32_t)reason);
    }
    /* seq_cst: the mode before the fronts; pairs with registry_set_armed() */
    fence_seq_cst();
    registry_walk(set_front, NULL);
}

void registry_set_armed(bool armed)
{
    if (UNLIKELY(armed)) {
        fronts_close();
        return;
    }
    /* stale ok: whoever changes it sets the fronts */
    bool always = (load_relaxed(&slow_mode) & SLOW_ALWAYS) != 0;
    if (LIKELY(heap_back() == thread_own) || always)
        return; /* what malloc() uses follows the mode already */
    fronts_set(&thread_fronts, thread_own);
    /* seq_cst: if this overwrote a store of set_front(), the mode is seen;
       pairs with registry_set_slow() */
    fence_seq_cst();
    fronts_set(&thread_fronts, thread_own);
}

static void flush_all_bins(struct heap *heap, uint64_t now_ms)
{
    heap_lock(heap);
    remote_collect_helper(heap);
    for (unsigned index = 0; index < NHEAPBINS; index++)
        bin_flush_locked(heap, index);
    heap_drain_pages(heap);
    arena_tick(&heap->arena, now_ms, false);
    heap_unlock(heap);
}

/* The heap idle for the longest time that was not flushed; NULL = none. */
static struct heap *idle_take(void) REQUIRES(registry_lock)
{
    struct heap *found = NULL;

    list_for_each (it, &idle_heaps) {
        struct heap *heap = CONTAINER_OF(it, struct heap, idle);
        found = heap->idle_flushed ? found : heap;
    }
    if (found != NULL) {
        list_remove(&found->idle);
        unflushed_add(-1u);
    }
    return found;
}

void registry_flush_idle(uint64_t now_ms)
{
    /* stale ok: a later call sees it */
    if (load_relaxed(&idle_unflushed) == 0)
        return;
    lock_acquire(&registry_lock);
    struct heap *heap = idle_take();
    lock_release(&registry_lock);
    if (heap == NULL)
        return;
    flush_all_bins(heap, now_ms);
    lock_acquire(&registry_lock);
    heap->idle_flushed = 1;
    list_insert_tail(&idle_heaps, &heap->idle);
    lock_release(&registry_lock);
}

/*
 * Much lies idle, by the owner's last note, and it has not looked since.  An
 * orphan's arena may have been caught in the midst of a change.
 */
static bool needs_help(const struct heap *heap, uint64_t now_ms)
{
    /* stale ok: an orphan stays one */
    bool is_orphan = load_relaxed(&heap->state) == HEAP_ORPHAN;
    /* stale ok: only decides when to help */
    size_t idle = load_relaxed(&heap->arena.idle_noted);
    /* stale ok: as above */
    uint64_t age = now_ms - load_relaxed(&heap->tick_ms);

    return heap != thread_own && !is_orphan && idle > tunables.dirty_min / 2 &&
           age > 2 * tunables.purge_delay;
}

/* The next heap in need of help, of a few looked at; NULL = none. */
static struct heap *help_take(uint64_t now_ms) REQUIRES(registry_lock)
{
    for (unsigned i = 0; i < HELP_LOOKS && i < heap_count; i++) {
        help_next = help_next % (heap_count - 1) + 1;
        if (needs_help(heap_table[help_next], now_ms))
            return heap_table[help_next];
    }
    return NULL;
}

void registry_help_idle(uint64_t now_ms)
{
    lock_acquire(&registry_lock);
    struct heap *heap = help_take(now_ms);
    lock_release(&registry_lock);
    if (heap != NULL)
        remote_help(heap);
}

void registry_walk(void (*visit)(struct heap *heap, void *data), void *data)
{
    lock_acquire(&registry_lock);
    for (uint32_t id = 1; id < heap_count; id++)
        visit(heap_table[id], data);
    lock_release(&registry_lock);
}

bool registry_is_busy(void)
{
    /* stale ok: the thread's own */
    bool inside = thread_own != NULL && (load_relaxed(&thread_own->epoch) & 1);

    return inside || lock_held_count() > 0;
}

NO_THREAD_SAFETY void registry_lock_all(void)
{
    lock_acquire(&registry_lock);
    for (uint32_t id = 1; id < heap_count; id++) {
        if (heap_table[id] == thread_own) {
            lock_acquire(&heap_table[id]->lock);
        } else {
            heap_lock_remote(heap_table[id]);
        }
    }
}

NO_THREAD_SAFETY void registry_unlock_all(void)
{
    for (uint32_t id = heap_count; id-- > 1;) {
        if (heap_table[id] == thread_own) {
            lock_release(&heap_table[id]->lock);
        } else {
            heap_unlock_remote(heap_table[id]);
        }
    }
    lock_release(&registry_lock);
}

void registry_reset_child(void (*reset)(struct lock *lock))
{
    reset(&registry_lock);
    for (uint32_t id = 1; id < heap_count; id++) {
        struct heap *heap = heap_table[id];
        reset(&heap->lock);
        /* stale ok: the child of a fork has one thread */
        store_relaxed(&heap->helping, load_relaxed(&heap->helping) & ~1u);
        if (heap == thread_own)
            continue;
        /* stale ok: as above; its owner was caught in a slow path, or not */
        store_relaxed(&heap->epoch, load_relaxed(&heap->epoch) & ~1u);
        heap->front = NULL;
        /* stale ok: there is no other thread */
        if (load_relaxed(&heap->state) == HEAP_OWNED)
            store_relaxed(&heap->state, HEAP_ORPHAN);
    }
    if (thread_own != NULL)
        thread_own->tid = os_tid();
}
