/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_PAGE_MAP_H
#define LIBALLOC_PAGE_PAGE_MAP_H
/*
 * From an address to its page: owner tags and page descriptors.
 * Layer: page.  Locks: none.  A tag is written before any pointer into its
 * page is handed out and cleared after the last has come back, so whoever
 * holds a valid pointer reads the right one.
 */
#include "base/atomic.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "layout/page.h"

#include <stdbool.h>

enum {
    MAX_ZONES = 32,
};
extern HIDDEN struct zone zones[MAX_ZONES];
extern HIDDEN _Atomic unsigned zone_count; /* Atomic: grows by release */

/* Where an address lies. */
struct page_ref {
    struct zone *zone;
    size_t pfn;
    uint32_t tag;
};

/* False if it is in no zone: *ref is untouched.  KIND_SAMPLED is left out. */
bool page_lookup(uintptr_t address, struct page_ref *ref);

static inline struct page *page_of(const struct page_ref *ref)
{
    return &ref->zone->pages[ref->pfn];
}

static inline struct zone *page_zone(const struct page *page)
{
    return &zones[page->zone];
}

static inline size_t page_number(const struct page *page)
{
    return (size_t)(page - page_zone(page)->pages);
}

static inline void *page_mem(const struct page *page)
{
    return (void *)page_address(page_zone(page)->base, page_number(page));
}

/* Its holder says what it is; neighbours that merge look at it. */
static inline void page_set_state(struct page *page, enum page_state state)
{
    /* stale ok: only "free or not" is asked by others, under the zone's lock */
    store_relaxed(&page->state, (uint8_t)state);
}

static inline enum page_state page_state(const struct page *page)
{
    /* stale ok: as above */
    return (enum page_state)load_relaxed(&page->state);
}

/* Same tag for a whole range of pages. */
void tag_set(struct zone *zone, size_t pfn, size_t npages, uint32_t tag);

/*
 * A block that starts in the page is in the profile (prof/sample_table.h).
 * Set while that block is live, so the page cannot change hands.
 */
bool tag_is_sampled(const struct page_ref *ref);
void tag_set_sampled(const struct page_ref *ref, bool sampled);

/*
 * Tags of the main arena's part of the first zone's span.  False if the range
 * is outside of it, or the tags could not be made writable.
 */
bool tag_set_brk(uintptr_t start, uintptr_t end, uint32_t tag);

#endif
