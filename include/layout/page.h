/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_PAGE_H
#define LAYOUT_PAGE_H
/*
 * Page layer: zones, buddy lists, page descriptors, owner tags.
 *
 *   base       brk_end   first       frontier  committed      npages
 *   |-----------|..........|===========|---------|---------------|
 *    main arena, by brk     buddy lists  usable    reserved only
 *
 * One span of addresses, cut in pages; page frame numbers (pfn) count from
 * `base`.  The first zone's span starts at the program break, so that one tag
 * lookup serves the main arena too.
 */
#include "layout/layout.h"

#include "layout/lock.h"

struct list_head {
    struct list_head FAR *next; /* NULL in a zeroed, that is empty, head */
    struct list_head FAR *prev;
};

/* What a page is; in struct page, of the first page of a block. */
enum page_state {
    PAGE_NONE,  /* later page of a block, or never handed out */
    PAGE_BUDDY, /* first page of a free block of 2^order pages */
    PAGE_PCP,   /* on a thread's page list, 2^order pages */
    PAGE_SLAB,  /* slab of a size class */
    PAGE_CACHE, /* slab of an object cache of its own */
    PAGE_ARENA, /* segment of an arena, npages long */
    PAGE_RUN,   /* large allocation, npages long */
    PAGE_USER,  /* liballoc_pages_alloc(), 2^order pages or exact */
};

/* struct page flags. */
enum {
    PAGE_FLAG_CACHED = 1, /* run: free, in a thread's bin */
    PAGE_FLAG_EXACT = 2,  /* user: from liballoc_pages_alloc_exact() */
    PAGE_FLAG_COLD = 4,   /* buddy: the kernel has its pages */
};

/* One per page, out of line; a struct slab overlays it (layout/slab.h). */
struct page {
    _Atomic uint8_t state; /* enum page_state.  Atomic: to and from "free"
                              under the zone's lock, else by its holder */
    uint8_t order;         /* of a block */
    uint8_t flags;         /* PAGE_FLAG_* */
    uint8_t zone;          /* index of its zone */
    uint32_t npages;       /* length of a run, segment or exact block */
    struct list_head lru;  /* free area, page list, segments, slabs */
    void FAR *owner;       /* PAGE_ARENA: the arena; PAGE_CACHE: the cache */
    uint64_t unused[4];    /* the slab's part of the overlay */
};
_Static_assert(sizeof(struct page) == 64, "one cache line a page");

/*
 * Owner tag of a page: heap id << 8 | kind.  Kinds below NSLAB are slab pages
 * of that size class.  0 is a page of nobody.
 */
enum tag_kind {
    TAG_KIND_SHIFT = 8,
    KIND_SAMPLED = 0x40, /* a bit: a block that starts in the page is in the
                            profile, so frees must look (layout/prof.h) */
    KIND_CHUNK = 0x80,   /* arena memory: chunk headers tell more */
    KIND_RUN = 0x81,     /* first page of a run; its others are nobody's */
    KIND_USER = 0x83,    /* first page of a liballoc_pages_alloc() block */
    KIND_CACHE = 0x84,   /* slab page of an object cache */
};

static inline uint32_t tag_make(uint32_t heap_id, uint32_t kind)
{
    return heap_id << TAG_KIND_SHIFT | kind;
}

static inline uint32_t tag_heap_id(uint32_t tag)
{
    return tag >> TAG_KIND_SHIFT;
}

static inline uint32_t tag_kind(uint32_t tag)
{
    return tag & 0xff;
}

struct free_area {
    struct list_head list; /* blocks, by struct page.lru */
    size_t nr_free;        /* blocks on it */
};

/*
 * Pure buddy lists over page frames [0, npages) of a page map.  Free blocks in
 * pageblocks that are set aside for small requests are on lists of their own:
 * see page/buddy.h.
 */
struct buddy {
    struct free_area free_area[NORDERS];
    struct free_area small_area[PAGEBLOCK_ORDER];
    uint32_t order_mask;        /* bit n: free_area[n] is not empty */
    uint32_t small_mask;        /* bit n: small_area[n] is not empty */
    size_t nr_free;             /* free pages in all */
    struct page FAR *pages;     /* the map; Immutable after init */
    uint64_t FAR *small_blocks; /* bit a page, of the first page of a
                                   pageblock: it is for small requests */
    size_t first;               /* pages below it do not exist */
    size_t npages;              /* nor do pages from it on */
};

/* How much free but resident memory is tolerated (page/reclaim.h). */
struct reclaim_policy {
    size_t min_dirty;   /* least dirty since the last window began */
    size_t peak;        /* most live since then, in the whole process */
    size_t last_peak;   /* most live in the window before */
    intptr_t outside;   /* resident elsewhere, as of the last look; below 0:
                           less than counts as live here */
    size_t purged;      /* given back since the last judgement */
    size_t regret;      /* of that, asked for again: it went too soon */
    size_t slack;       /* tolerated on top, learnt from regret */
    uint64_t tick_ms;   /* when the window began */
    uint64_t judged_ms; /* time of the last judgement */
};

struct zone {
    uintptr_t base;             /* address of pfn 0.  Immutable after init */
    size_t first;               /* pfn of the first page of the buddy lists */
    size_t npages;              /* pfns of the span.  Immutable after init */
    size_t frontier;            /* pfn behind the part in use: buddies below it.
                                Protected by: lock */
    size_t committed;           /* pfn behind the usable part.
                                Protected by: lock */
    _Atomic uint32_t FAR *tags; /* one owner tag a page.  Atomic */
    struct page FAR *pages;     /* one descriptor a page */
    uint64_t FAR *dirty;  /* bit a page: the kernel may hold memory for it,
                                its contents are not known zero.
                                Protected by: lock */
    uint64_t FAR *starts; /* bit a page: an arena's segment starts here.
                                Protected by: lock */
    uint64_t FAR *small_blocks;   /* bit a page, see struct buddy.
                                Protected by: lock */
    struct buddy buddy;           /* Protected by: lock */
    size_t nr_dirty;              /* free pages with their dirty bit set.
                                Protected by: lock */
    struct reclaim_policy policy; /* in pages.  Protected by: lock */
    size_t meta_to;               /* pfn up to which the page map is usable */
    size_t hugepage_to;           /* pfn up to which huge pages were advised */
    uint32_t index;               /* in zones[] */
    struct lock lock;
};

/* Free blocks that one thread keeps at hand ("pcp" in the kernel). */
struct page_list {
    struct list_head list; /* blocks, by struct page.lru */
    uint32_t count;        /* blocks on it */
    uint32_t high;         /* more than this: `batch` go back */
    uint32_t batch;        /* blocks moved at a time */
    uint32_t order;        /* of its blocks */
};

static inline size_t page_pfn(uintptr_t base, uintptr_t address)
{
    return (address - base) >> PAGE_SHIFT;
}

static inline uintptr_t page_address(uintptr_t base, size_t pfn)
{
    return base + (pfn << PAGE_SHIFT);
}

static inline size_t buddy_of(size_t pfn, unsigned order)
{
    return pfn ^ ((size_t)1 << order);
}

#endif
