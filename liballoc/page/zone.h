/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_ZONE_H
#define LIBALLOC_PAGE_ZONE_H
/*
 * Zones: pages from reserved spans of addresses, by the buddy lists.
 * Layer: page.  Locks: each zone's own; taken and dropped within a call.
 * Thread safe.
 *
 * Zone 0 is one large reservation.  When that is small (RLIMIT_AS) and used
 * up, further zones are reserved, and searched in order, like the kernel's
 * zonelist.
 */
#include "page/page_map.h"

/* Reserves zone 0.  False: not even the smallest reservation was granted. */
bool zone_init(void);

/* A block of 2^order pages, its state PAGE_NONE; NULL = no memory. */
struct page *zone_alloc(unsigned order);

/*
 * `npages` pages (up to 2^MAX_ORDER), starting at a multiple of 2^align_order
 * pages.  *fresh: they read as zero.  NULL = no memory.
 */
struct page *zone_alloc_run(size_t npages, unsigned align_order, bool *fresh);

/* The same from free pages alone: no zone grows.  NULL = there is none. */
struct page *zone_alloc_free_run(size_t npages);

/* The tags were cleared: no pointer into the pages may be left. */
void zone_free(struct page *page, unsigned order);
void zone_free_run(struct page *page, size_t npages);

/*
 * The same; the pages [from, to) of the run were given back to the kernel by
 * the caller and not touched since.
 */
void zone_free_purged_run(struct page *page, size_t npages, size_t from,
                          size_t to);

/* An arena's segment starts with the page, or no longer does. */
void zone_mark_start(struct page *page, bool is_start);

/* The last page up to `pfn` that a segment starts with; NULL = none. */
struct page *zone_last_start(struct zone *zone, size_t pfn);

/* Appends the `more` pages behind a run if they are free. */
bool zone_extend_run(struct page *page, size_t npages, size_t more);

/*
 * True when the `more` pages would move the frontier though most of what lies
 * below is free: so growing, a live set that moves would crawl through it.
 */
bool zone_run_crawls(struct page *page, size_t npages, size_t more);

/* Pages of all zones: handed out; free and dirty. */
struct zone_pages {
    size_t live;
    size_t dirty;
};

/* Takes the zones' locks, one after another. */
struct zone_pages zone_pages(void);

static inline size_t zone_live_pages(void)
{
    return zone_pages().live;
}

static inline size_t zone_dirty_pages(void)
{
    return zone_pages().dirty;
}

/* For atfork. */
void zones_lock(void);
void zones_unlock(void);
void zones_reset(void (*reset)(struct lock *lock));

/* NULL, or which property of a zone does not hold. */
const char *zone_check(struct zone *zone);

#endif
