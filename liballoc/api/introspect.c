/* SPDX-License-Identifier: MIT */
/*
 * glibc's reports: mallinfo, mallinfo2, malloc_stats, malloc_trim.
 */
#include "api/entry.h"
#include "api/stats.h"
#include "api/text.h"

#include <limits.h>
#include <malloc.h>

/*
 * arena = uordblks + fordblks holds exactly.  What glibc calls a fastbin is
 * here a bin of a thread.
 */
EXPORT struct mallinfo2 mallinfo2(void)
{
    struct stats stats = {.heaps = 0};

    stats_gather(&stats, NULL, NULL);
    const struct heap_census *all = &stats.all;
    return (struct mallinfo2){
        .arena = stats_system(&stats),
        .ordblks = all->chunks_free + (all->top > 0),
        .smblks = all->fastbins,
        .hblks = stats.mmapped_count,
        .hblkhd = stats.mmapped,
        .fsmblks = all->bin_slab + all->bin_chunk,
        .uordblks = stats_live(&stats),
        .fordblks = stats_free(&stats),
        .keepcost = all->top,
    };
}

static int clip(size_t value)
{
    return value > INT_MAX ? INT_MAX : (int)value;
}

/* The old structure of ints: clipped where it overflows, not wrapped. */
static struct mallinfo mallinfo_clipped(void)
{
    struct mallinfo2 wide = mallinfo2();

    return (struct mallinfo){
        .arena = clip(wide.arena),
        .ordblks = clip(wide.ordblks),
        .smblks = clip(wide.smblks),
        .hblks = clip(wide.hblks),
        .hblkhd = clip(wide.hblkhd),
        .fsmblks = clip(wide.fsmblks),
        .uordblks = clip(wide.uordblks),
        .fordblks = clip(wide.fordblks),
        .keepcost = clip(wide.keepcost),
    };
}

EXPORT struct mallinfo mallinfo(void)
{
    return mallinfo_clipped();
}

struct mallinfo __libc_mallinfo(void);
EXPORT struct mallinfo __libc_mallinfo(void)
{
    return mallinfo_clipped();
}

enum {
    HEAP_TEXT = 128, /* most text of a heap */
    TOTAL_TEXT = 1024,
};

static void stats_heap(struct heap *heap, const struct heap_census *census,
                       void *data)
{
    struct text *text = data;
    size_t live = census->slab_out + census->system - census->chunk_free -
                  census->top - census->bin_slab - census->bin_chunk;

    if (census->system + census->slab_bytes == 0 ||
        text_room(text) <= 2 * TOTAL_TEXT)
        return;
    TEXT(text,
         "Arena %u:\n"
         "system bytes     = %lu\n"
         "in use bytes     = %lu\n",
         heap->id - 1, census->system + census->slab_bytes, live);
}

/* glibc's layout first, then what glibc does not have. */
EXPORT void malloc_stats(void)
{
    struct stats stats = {.heaps = 0};
    char totals[2 * TOTAL_TEXT];
    struct text text;

    if (!init_check())
        return;
    bool is_mapped =
        text_map(&text, heap_count * (size_t)HEAP_TEXT + sizeof totals);
    if (!is_mapped) /* no memory: the sums alone */
        text = (struct text){.buf = totals, .len = sizeof totals};
    stats_gather(&stats, stats_heap, &text);
    TEXT(&text,
         "Total (incl. mmap):\n"
         "system bytes     = %lu\n"
         "in use bytes     = %lu\n"
         "max mmap regions = %lu\n"
         "max mmap bytes   = %lu\n",
         stats_system(&stats) + stats.mmapped,
         stats_live(&stats) + stats.mmapped, stats.mmapped_count,
         stats.mmapped);
    TEXT(&text,
         "liballoc: heaps %lu (%lu idle), slabs %lu\n"
         "in thread bins   = %lu\n"
         "free in slabs    = %lu\n"
         "free chunks, top = %lu\n",
         stats.heaps, stats.heaps_idle, stats.all.slabs,
         stats.all.bin_slab + stats.all.bin_chunk, stats.all.slab_free,
         stats.all.chunk_free + stats.all.top);
    TEXT(&text,
         "free dirty pages = %lu\n"
         "free clean pages = %lu\n"
         "mmaps kept       = %lu\n"
         "metadata         = %lu\n",
         stats.pages.dirty + stats.pages.listed, stats.pages.clean,
         stats.mmapped_kept, stats.pages.metadata);
    print_stderr_all(text.buf, text.at);
    if (is_mapped)
        text_unmap(&text);
}

EXPORT int malloc_trim(size_t pad)
{
    if (!init_check())
        return 0;
    entry_name = "malloc_trim";
    harden_trim();
    return heap_trim(pad) > 0;
}
