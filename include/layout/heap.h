/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_HEAP_H
#define LAYOUT_HEAP_H
/*
 * Thread heaps: what one thread allocates from without a lock.
 *
 *   bins[cls]          objects of slabs of the class
 *   bins[NSLAB + cls]  chunks that hold the class's size
 *
 *   bin ->  head -> obj -> obj -> ... (LIFO; count = limit - room)
 *           spare -> a parked chain of spare_count objects (a "sheaf")
 *
 * Only the owner touches the bins' heads; all from `lock` on is shared.
 */
#include "layout/arena.h"
#include "layout/slab.h"

struct bin {
    void FAR *head;       /* LIFO, linked through struct free_object */
    int32_t room;         /* pushes until it overflows */
    int32_t limit;        /* head's count + room */
    uint32_t magic;       /* divide_magic() of the object size */
    uint32_t spare_count; /* objects on spare */
    void FAR *spare;      /* a parked chain; NULL; or, with spare_count 0, a
                             mark that the bin was drained */
};

/* Objects of one foreign slab, or chunks of one foreign heap, going home. */
struct remote_batch {
    struct slab FAR *slab; /* destination; NULL: none, or chunks */
    void FAR *head;
    void FAR *tail;
    uint32_t count;
    uint32_t heap_id; /* of the destination */
    uint32_t bytes;
    uint32_t reach; /* highest offset of an object in its slab */
};

enum {
    NREMOTE = 64,               /* slab batches, direct mapped */
    NREMOTE_CHUNK = 4,          /* chunk batches, by heap id */
    NHEAPBINS = NSLAB + NCLASS, /* objects by class, then chunks by class */
    NSIZE_TABLE = SMALL_MAX / 16 + 1,
};

/* A freed block that waits; usable bytes from mem on. */
struct quarantined {
    void FAR *mem;
    size_t usable;
};

enum {
    QUARANTINE_SLOTS = 256,
};

/* Hardened mode: freed blocks that are not reused yet.  Owner only. */
struct quarantine {
    size_t bytes;
    uint32_t count;  /* slots in use, from the first on */
    uint32_t random; /* state of its generator */
    struct quarantined slots[QUARANTINE_SLOTS];
};

enum heap_state {
    HEAP_IDLE,   /* on the idle stack */
    HEAP_OWNED,  /* of a live thread */
    HEAP_ORPHAN, /* in the child of a fork: its thread does not exist */
};

/*
 * In the order of first use, so that a thread that does little touches little:
 * one system page until it frees chunks or needs slabs.
 */
struct heap {
    /* Hot, read by malloc and free.  Immutable after init */
    uintptr_t base;             /* zones[0].base */
    size_t npages;              /* zones[0].npages; 0 in a dummy */
    _Atomic uint32_t FAR *tags; /* zones[0].tags */
    uintptr_t key;              /* secret of the in-object keys */
    struct page FAR *pages;     /* zones[0].pages */
    uint32_t tag;               /* id << TAG_KIND_SHIFT */
    uint32_t id;
    uint16_t bin_offset[NSIZE_TABLE]; /* (size + 15) >> 4 to its bin: bytes from
                                         the first */

    /* Owner only, off the fast path. */
    size_t cached_bytes;      /* growth of cap * size above SMALL_MAX */
    _Atomic uint64_t tick_ms; /* time of the last tick.  Atomic */
    uint64_t slow_ms;         /* time of the last slow call */
    uint32_t foreign;         /* objects of others freed */
    uint32_t idle_calls;      /* slow calls that came late ... */
    uint32_t busy_calls;      /* ... and those since the last such */
    uint8_t trials[NSLAB];    /* objects of a class had as chunks */
    uint8_t used[NHEAPBINS];  /* had a slow event since the tick */
    uint8_t is_sending;       /* remote batches may hold something */

    /* Shared: others push, the owner or a helper takes. */
    _Atomic(struct slab FAR *) pending __attribute__((aligned(64)));
    /* slabs with remote frees.  Atomic */
    _Atomic(void FAR *) pending_chunks; /* chunks freed by others.  Atomic */
    _Atomic size_t pending_bytes; /* pushed since the last take.  Atomic */

    /* Protected by: lock, but for state (the registry's). */
    struct lock lock __attribute__((aligned(64)));
    _Atomic uint32_t epoch;   /* odd while the owner changes the below */
    _Atomic uint32_t helping; /* odd while another thread does */
    uint32_t by_lock;         /* the owner holds lock itself */
    _Atomic uint32_t state;   /* enum heap_state.  Atomic */
    uint32_t tid;             /* of the owner, for readers */
    struct list_head idle;    /* idle stack */
    void FAR *front;          /* the owner's thread_heap; NULL = no owner.
                                   Protected by: registry_lock */
    uint32_t idle_flushed;    /* idle, and its bins were emptied */
    struct page_list page_lists[SLAB_ORDERS]; /* for slabs, by order */
    struct arena arena;

    /* Owner only. */
    uint16_t cap[NHEAPBINS];    /* wanted capacity; 0: never used yet */
    uint16_t spills[NHEAPBINS]; /* objects spilled since the last refill, as
                                   far as a slow spill has counted them, and
                                   as the type can */
    struct bin bins[NHEAPBINS] __attribute__((aligned(64)));
    int8_t spill_credit[NSLAB]; /* spills before the next slow one; below 0:
                                   none without it */
    uint16_t granted[NSLAB];    /* steps by which the bin may hold more */
    struct remote_batch remote[NREMOTE];
    struct remote_batch remote_chunk[NREMOTE_CHUNK];

    /* Protected by: lock. */
    struct slab_cache slab_caches[NSLAB];

    /* Owner only. */
    struct quarantine FAR *quarantine; /* NULL: none yet */
} __attribute__((aligned(4096)));

#endif
