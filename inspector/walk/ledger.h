/* SPDX-License-Identifier: MIT */
#ifndef LEDGER_H
#define LEDGER_H
/*
 * Where the resident memory of the heap is: every byte of our regions has one
 * share, by a walk over all objects, and counts as far as the kernel holds
 * memory for it.  So the shares add up to our RSS, or the residue is told.
 */
#include "walk/model.h"
#include "walk/resident.h"

enum share {
    SHARE_LIVE,      /* usable bytes of objects in the program's hands */
    SHARE_OVERHEAD,  /* headers, colour, the rest of pages and mappings */
    SHARE_CACHED,    /* free objects in bins, spares, batches, on their way */
    SHARE_SLAB_FREE, /* free in slabs, carved or not */
    SHARE_CHUNK,     /* free chunks and tops of arenas */
    SHARE_PAGES,     /* free blocks of the buddy lists, page lists */
    SHARE_KEPT,      /* freed mappings kept for reuse */
    SHARE_META,      /* page maps, heaps, records */
    SHARE_PURGED,    /* given back, but the kernel holds it yet */
    SHARE_UNKNOWN,   /* damaged, or on its way from one share to another */
    NSHARES,
};
extern const char *const share_names[NSHARES];
extern const char *const share_meanings[NSHARES];

/* How much of the resident memory is live, by tenths; [0]: nothing is. */
enum { NTENTHS = 11 };

struct occupancy {
    size_t units[NTENTHS];
    size_t resident[NTENTHS]; /* bytes of these */
    size_t live[NTENTHS];
};

enum occupancy_unit {
    UNIT_PAGE, /* system pages */
    UNIT_HUGE, /* 2 MiB of addresses */
    UNIT_SLAB,
    NUNITS,
};

struct ledger {
    size_t bytes[NSHARES]; /* addresses */
    struct resident_use use[NSHARES];
    size_t count[NSHARES]; /* objects or blocks */
    struct occupancy occupancy[NUNITS];
    size_t total;  /* resident bytes of all shares */
    size_t rss;    /* of our regions, as the kernel counts it */
    bool known;    /* residency was told */
    size_t unread; /* blocks and chunks that made no sense */
};

/* Never NULL; free it.  The target should stand, for the sums to fit. */
struct ledger *ledger_take(const struct model *model);

/* RSS of our regions by the kernel's own counts. */
size_t ledger_rss(const struct model *model, struct resident *resident);

/* What rss and total differ by, as a part of rss. */
double ledger_residue(const struct ledger *ledger);

#endif
