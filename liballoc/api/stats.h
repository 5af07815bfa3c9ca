/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_API_STATS_H
#define LIBALLOC_API_STATS_H
/*
 * The census of all heaps, summed up for the entry points that report.
 * Layer: api.
 */
#include "arena/mmap_chunk.h"
#include "heap/census.h"
#include "heap/registry.h"

struct stats {
    struct heap_census all; /* of all heaps */
    struct page_census pages;
    size_t mmapped; /* bytes in live mmapped chunks */
    size_t mmapped_count;
    size_t mmapped_kept; /* bytes kept for reuse */
    size_t heaps;
    size_t heaps_idle;
};

/* Takes and drops the locks; calls `each` (may be NULL) per heap, locked. */
void stats_gather(struct stats *stats,
                  void (*each)(struct heap *heap,
                               const struct heap_census *census, void *data),
                  void *data);

/* The two sums that programs look at; they add up to stats_system(). */
size_t stats_live(const struct stats *stats);
size_t stats_free(const struct stats *stats);

/* Bytes obtained from the system, but for mmapped chunks and metadata. */
size_t stats_system(const struct stats *stats);

#endif
