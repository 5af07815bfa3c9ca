/* SPDX-License-Identifier: MIT */
#include "api/stats.h"

#include "api/entry.h"
#include "arena/mmap_kept.h"
#include "base/atomic.h"
#include "base/print.h"
#include "liballoc.h"
#include "os/os_mem.h"
#include "page/reclaim.h"

#include <errno.h>
#include <string.h>

/* What the walk over the heaps carries. */
struct gather {
    struct stats *stats;
    void (*each)(struct heap *heap, const struct heap_census *census,
                 void *data);
    void *data;
};

static void add(struct heap_census *sum, const struct heap_census *one)
{
    sum->slab_bytes += one->slab_bytes;
    sum->slab_out += one->slab_out;
    sum->slab_free += one->slab_free;
    sum->slabs += one->slabs;
    sum->system += one->system;
    sum->brk += one->brk;
    sum->chunk_free += one->chunk_free;
    sum->chunks_free += one->chunks_free;
    sum->top += one->top;
    sum->bin_slab += one->bin_slab;
    sum->bin_chunk += one->bin_chunk;
    sum->fastbins += one->fastbins;
    sum->quarantine += one->quarantine;
}

static void gather_heap(struct heap *heap, void *data)
{
    struct gather *gather = data;
    struct heap_census census;

    heap_lock(heap);
    census_heap(heap, &census);
    heap_unlock(heap);
    add(&gather->stats->all, &census);
    gather->stats->heaps++;
    /* stale ok: the walk holds the registry's lock */
    gather->stats->heaps_idle += load_relaxed(&heap->state) == HEAP_IDLE;
    if (gather->each != NULL)
        gather->each(heap, &census, gather->data);
}

void stats_gather(struct stats *stats,
                  void (*each)(struct heap *heap,
                               const struct heap_census *census, void *data),
                  void *data)
{
    struct gather gather = {stats, each, data};

    memset(stats, 0, sizeof *stats);
    if (!init_check())
        return;
    registry_walk(gather_heap, &gather);
    census_pages(&stats->pages);
    lock_acquire(&mmap_lock);
    stats->mmapped = mmap_table.live_bytes;
    /* stale ok: written under mmap_lock */
    stats->mmapped_count = load_relaxed(&mmap_table.nr_live);
    /* stale ok: as above */
    stats->mmapped_kept = load_relaxed(&mmap_table.kept_bytes);
    lock_release(&mmap_lock);
}

static size_t minus(size_t a, size_t b)
{
    return a > b ? a - b : 0;
}

size_t stats_system(const struct stats *stats)
{
    return stats->all.slab_bytes + stats->all.system + stats->pages.run +
           stats->pages.user + stats->pages.cache + stats->pages.listed +
           stats->pages.dirty;
}

size_t stats_live(const struct stats *stats)
{
    const struct heap_census *all = &stats->all;
    size_t slabs = minus(all->slab_out, all->bin_slab);
    size_t chunks =
        minus(all->system, all->chunk_free + all->top + all->bin_chunk);
    size_t out = slabs + chunks + stats->pages.run + stats->pages.user +
                 stats->pages.cache;

    return minus(out, all->quarantine);
}

size_t stats_free(const struct stats *stats)
{
    return minus(stats_system(stats), stats_live(stats));
}

static void fill_public(const struct stats *stats, struct liballoc_stats *out)
{
    const struct heap_census *all = &stats->all;

    *out = (struct liballoc_stats){
        .live = stats_live(stats) + stats->mmapped,
        .cached = all->bin_slab + all->bin_chunk + all->quarantine,
        .slab_free = all->slab_free,
        .chunk_free = all->chunk_free + all->top,
        .page_free = stats->pages.dirty + stats->pages.listed,
        .page_clean = stats->pages.clean,
        .mmapped = stats->mmapped,
        .mmapped_cached = stats->mmapped_kept,
        .metadata = stats->pages.metadata,
        .committed = stats->pages.committed + all->brk + stats->mmapped +
                     stats->mmapped_kept,
        .heaps = stats->heaps,
        .heaps_idle = stats->heaps_idle,
        .slabs = all->slabs + stats->pages.cache_slabs,
        .mmapped_chunks = stats->mmapped_count,
        .purged = reclaim_total(),
    };
    for (int call = 0; call < OS_NCALLS; call++)
        out->os_calls += os_call_count((enum os_call)call);
}

EXPORT int liballoc_stats_get(struct liballoc_stats *out, size_t size)
{
    struct stats stats = {.heaps = 0};
    struct liballoc_stats all;

    if (out == NULL || size == 0 || size > sizeof all) {
        errno = EINVAL;
        return -1;
    }
    stats_gather(&stats, NULL, NULL);
    fill_public(&stats, &all);
    memcpy(out, &all, size);
    return 0;
}

EXPORT int liballoc_stats_json(char *buf, size_t len)
{
    struct stats stats = {.heaps = 0};
    struct liballoc_stats s;

    stats_gather(&stats, NULL, NULL);
    fill_public(&stats, &s);
    return (int)print_buf(
        buf, len,
        "{\"schema\":\"liballoc-stats\",\"version\":1,\"live\":%lu,"
        "\"cached\":%lu,\"slab_free\":%lu,\"chunk_free\":%lu,"
        "\"page_free\":%lu,\"page_clean\":%lu,\"mmapped\":%lu,"
        "\"mmapped_cached\":%lu,\"metadata\":%lu,\"committed\":%lu,"
        "\"heaps\":%lu,\"heaps_idle\":%lu,\"slabs\":%lu,"
        "\"mmapped_chunks\":%lu,\"purged\":%lu,\"os_calls\":%lu}",
        s.live, s.cached, s.slab_free, s.chunk_free, s.page_free, s.page_clean,
        s.mmapped, s.mmapped_cached, s.metadata, s.committed, s.heaps,
        s.heaps_idle, s.slabs, s.mmapped_chunks, s.purged, s.os_calls);
}
