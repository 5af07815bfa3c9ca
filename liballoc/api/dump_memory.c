/* SPDX-License-Identifier: MIT */
/*
 * Which bytes of our memory are metadata:
 *
 *   structures: root and its tables, zones, page maps, heaps, caches, records
 *   chunk:      header; free: fd, bk, clean; marked: next, key
 *   slab, run:  next and key of marked objects
 *
 * All else is the program's, and stays zero unless it is asked for.
 */
#include "api/dump.h"
#include "api/root.h"

#include "arena/chunk.h"
#include "arena/mmap_kept.h"
#include "base/bits.h"
#include "base/list.h"
#include "base/syscall.h"
#include "base/tunables.h"
#include "harden/guarded.h"
#include "heap/registry.h"
#include "layout/root.h"
#include "page/page_map.h"
#include "page/zone.h"
#include "prof/prof.h"
#include "slab/object_cache.h"
#include "slab/slab_cache.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

enum {
    WALK_MAX = 1 << 24, /* links of one list: it may be torn */
};

/* What is done with a stretch of metadata. */
typedef void stretch_fn(struct dump *dump, const void *start, size_t size);

static void put(struct dump *dump, const void *start, size_t size)
{
    dump_put(dump, (uintptr_t)start, start, size);
}

/* Every mapping that holds a part of it is ours. */
static void mark(struct dump *dump, const void *start, size_t size)
{
    uintptr_t end = (uintptr_t)start + size;

    for (uintptr_t at = (uintptr_t)start; at < end;) {
        struct dump_range *range = dump_range_at(dump, at);
        if (range == NULL)
            return;
        range->is_ours |= (range->flags & PF_R) != 0;
        at = range->end;
    }
}

static void each_table(struct dump *dump, stretch_fn *act,
                       const struct root_table *table)
{
    act(dump, table->start, (size_t)table->count * table->stride);
}

/* Names and units are texts that the table points to. */
static void each_tunable(struct dump *dump, stretch_fn *act)
{
    for (size_t i = 0; i < tunable_count; i++) {
        const struct tunable *tunable = &tunable_table[i];
        act(dump, tunable->name, strlen(tunable->name) + 1);
        act(dump, tunable->unit, strlen(tunable->unit) + 1);
    }
}

static void each_root(struct dump *dump, stretch_fn *act)
{
    const struct heap_root *root = root_address();

    act(dump, root, sizeof *root);
    each_table(dump, act, &root->types);
    each_table(dump, act, &root->fields);
    each_table(dump, act, &root->regions);
    each_table(dump, act, &root->zones);
    each_table(dump, act, &root->tunable_table);
    each_tunable(dump, act);
    act(dump, heap_table, heap_count * sizeof heap_table[0]);
    act(dump, root->zone_count, sizeof(uint32_t));
    act(dump, root->heap_count, sizeof(uint32_t));
    act(dump, &mmap_table, sizeof mmap_table);
    act(dump, &object_caches, sizeof object_caches);
    act(dump, &tunables, sizeof tunables);
    act(dump, root->chunk_secret, sizeof(uint64_t));
    act(dump, root->object_secret, sizeof(uintptr_t));
    act(dump, root->link_secret, sizeof(uintptr_t));
    act(dump, root->canary_secret, sizeof(uintptr_t));
    act(dump, &guarded_pool, sizeof guarded_pool);
}

/* The used part of a page map. */
static void each_map(struct dump *dump, stretch_fn *act,
                     const struct zone *zone)
{
    size_t count = zone->frontier - zone->first;
    const void *tags = (const void *)(uintptr_t)zone->tags;

    act(dump, (const char *)tags + zone->first * sizeof(uint32_t),
        count * sizeof(uint32_t));
    act(dump, &zone->pages[zone->first], count * sizeof(struct page));
    act(dump, &zone->dirty[zone->first / 64],
        (zone->frontier / 64 + 1 - zone->first / 64) * sizeof(uint64_t));
}

/* Tags of the break's window, where an arena segment lies. */
static void each_brk_tags(struct dump *dump, stretch_fn *act,
                          const struct segment *segment)
{
    const struct zone *zone = &zones[0];

    if (segment->start < zone->base ||
        segment->end > page_address(zone->base, zone->first))
        return;
    size_t first = page_pfn(zone->base, segment->start);
    size_t last = page_pfn(zone->base, segment->end - 1);
    act(dump, (const void *)(uintptr_t)&zone->tags[first],
        (last + 1 - first) * sizeof(uint32_t));
}

static void each_heap(struct dump *dump, stretch_fn *act)
{
    for (uint32_t id = 1; id < heap_count && id < MAX_HEAPS; id++) {
        const struct heap *heap = heap_table[id];
        if (heap == NULL)
            continue;
        act(dump, heap, sizeof *heap);
        if (heap->quarantine != NULL)
            act(dump, heap->quarantine, sizeof *heap->quarantine);
        const struct arena *arena = &heap->arena;
        if (arena->brk.start != 0)
            each_brk_tags(dump, act, &arena->brk);
        for (size_t i = 0; i < arena->nr_brk_old && i < NBRK_OLD; i++)
            each_brk_tags(dump, act, &arena->brk_old[i]);
    }
}

static void each_record(struct dump *dump, stretch_fn *act)
{
    size_t seen = 0;

    for (size_t i = 0; i < MMAP_BUCKETS; i++) {
        const struct mmap_record *record = mmap_table.buckets[i];
        for (; record != NULL && ++seen < WALK_MAX; record = record->next) {
            act(dump, record, sizeof *record);
            act(dump, mem_to_chunk((const void *)record->mem), CHUNK_HEADER);
        }
    }
}

static void each_cache(struct dump *dump, stretch_fn *act)
{
    size_t seen = 0;

    list_for_each (it, &object_caches) {
        act(dump, CONTAINER_OF(it, struct object_cache, all),
            sizeof(struct object_cache));
        if (++seen > WALK_MAX)
            return;
    }
}

/* The samples, and what their stacks are. */
static void each_sample(struct dump *dump, stretch_fn *act)
{
    act(dump, &profile, sizeof profile);
    act(dump, profile.samples, profile.nsamples * sizeof *profile.samples);
    act(dump, profile.stacks, profile.nstacks * sizeof *profile.stacks);
    act(dump, profile.frames, profile.nframes * sizeof *profile.frames);
    act(dump, profile.modules, profile.nmodules * sizeof *profile.modules);
    act(dump, profile.names, profile.nnames);
}

static void each_structure(struct dump *dump, stretch_fn *act)
{
    each_root(dump, act);
    for (unsigned i = 0; i < zone_count && i < MAX_ZONES; i++)
        each_map(dump, act, &zones[i]);
    each_heap(dump, act);
    each_record(dump, act);
    each_cache(dump, act);
    if (profile.samples != NULL)
        each_sample(dump, act);
}

/* next and key, if it is marked as free. */
static void put_mark(struct dump *dump, const void *mem)
{
    const struct free_object *object = mem;

    if (object->key == object_key(mem))
        put(dump, mem, sizeof *object);
}

static void put_chunk(struct dump *dump, const struct chunk *chunk)
{
    size_t header[2] = {0, 0};
    const char *at = (const char *)chunk;

    memcpy(header, at, sizeof header);
    /* Else the first word belongs to the program's chunk before. */
    if (chunk_prev_inuse(chunk))
        header[0] = 0;
    dump_put(dump, (uintptr_t)chunk, header, sizeof header);
    if (chunk_size(chunk) < CHUNK_MIN)
        return;
    if (chunk_is_free(chunk)) {
        size_t links = chunk_size(chunk) >= PURGE_CHUNK ? 3 : 2;
        put(dump, chunk_to_mem(chunk), links * sizeof(uintptr_t));
    } else {
        put_mark(dump, chunk_to_mem(chunk));
    }
}

/*
 * Chunk by chunk; where a header makes no sense, on to the next that does.
 * `end`: behind the closing header.
 */
static void put_segment(struct dump *dump, uintptr_t start, uintptr_t end)
{
    while (start + CHUNK_HEADER <= end) {
        const struct chunk *chunk = (const void *)start;
        size_t size = chunk_size(chunk);
        bool is_whole = chunk_is_valid(chunk) && size <= end - start;
        if (is_whole)
            put_chunk(dump, chunk);
        start += is_whole && size >= CHUNK_MIN ? size : CHUNK_HEADER;
    }
}

static void put_slab(struct dump *dump, struct slab *slab)
{
    const struct slab_cache *cache = slab->cache;

    if (cache == NULL || cache->size < 16 || cache->objs_page == 0 ||
        slab->carved > slab->nobjects)
        return;
    for (unsigned i = 0; i < slab->carved; i++)
        put_mark(dump, slab_object(slab, i));
}

/* The block that starts at `page`; its pages. */
static size_t put_block(struct dump *dump, struct page *page)
{
    size_t npages = (size_t)1 << (page->order & 31);
    uintptr_t mem = (uintptr_t)page_mem(page);

    switch (page_state(page)) {
    case PAGE_SLAB:
    case PAGE_CACHE:
        put_slab(dump, page_slab(page));
        return npages;
    case PAGE_ARENA:
        npages = page->npages;
        put_segment(dump, mem, mem + (npages << PAGE_SHIFT));
        return npages;
    case PAGE_RUN:
        put_mark(dump, page_mem(page));
        return page->npages;
    case PAGE_USER:
        return page->npages;
    case PAGE_BUDDY:
    case PAGE_PCP:
        return npages;
    case PAGE_NONE:
        break;
    }
    return 1;
}

static void put_zone(struct dump *dump, const struct zone *zone)
{
    for (size_t pfn = zone->first; pfn < zone->frontier;) {
        size_t npages = put_block(dump, &zone->pages[pfn]);
        pfn += npages > 0 ? npages : 1;
    }
}

/* Stretches of brk. */
static void put_brk(struct dump *dump, const struct arena *arena)
{
    if (arena->brk.start != 0)
        put_segment(dump, arena->brk.start, arena->brk.end);
    for (size_t i = 0; i < arena->nr_brk_old && i < NBRK_OLD; i++)
        put_segment(dump, arena->brk_old[i].start, arena->brk_old[i].end);
}

static void mark_brk(struct dump *dump, const struct segment *segment)
{
    if (segment->start != 0)
        mark(dump, (const void *)segment->start, segment->end - segment->start);
}

void dump_mark_ours(struct dump *dump)
{
    each_structure(dump, mark);
    for (unsigned i = 0; i < zone_count && i < MAX_ZONES; i++) {
        const struct zone *zone = &zones[i];
        mark(dump, (const void *)page_address(zone->base, zone->first),
             (zone->frontier - zone->first) << PAGE_SHIFT);
    }
    for (uint32_t id = 1; id < heap_count && id < MAX_HEAPS; id++) {
        const struct arena *arena = &heap_table[id]->arena;
        mark_brk(dump, &arena->brk);
        for (size_t i = 0; i < arena->nr_brk_old && i < NBRK_OLD; i++)
            mark_brk(dump, &arena->brk_old[i]);
    }
    for (size_t i = 0; i < dump->nranges && dump->with_content; i++) {
        struct dump_range *range = &dump->ranges[i];
        uint32_t wanted = PF_R | PF_W;
        if ((range->flags & wanted) == wanted && !range->is_shared)
            range->is_ours = true;
    }
}

/*
 * Content a page at a time: guard pages, ours and others', are holes in what
 * /proc/self/maps calls readable.
 */
static void put_readable(struct dump *dump, uintptr_t at, uintptr_t end)
{
    long self = syscall3(SYS_getpid, 0, 0, 0);

    while (at < end) {
        size_t size = min_size(dump->page - at % dump->page, end - at);
        struct iovec from = {(void *)at, size};
        struct iovec to = {dump->bounce, size};
        long n = syscall6(SYS_process_vm_readv, self, (long)&to, 1, (long)&from,
                          1, 0);
        if (n > 0) {
            dump_put(dump, at, dump->bounce, (size_t)n);
        } else if (n != -EFAULT) {
            put(dump, (const void *)at, size); /* a filter forbids the call */
        }
        at += size;
    }
}

/* All but our own scratch memory, which changes as it is written. */
static void put_content(struct dump *dump)
{
    uintptr_t own = (uintptr_t)dump;

    for (size_t i = 0; i < dump->nranges; i++) {
        const struct dump_range *range = &dump->ranges[i];
        uintptr_t stop = clamp_size(own, range->start, range->end);
        uintptr_t next = clamp_size(own + sizeof *dump, stop, range->end);
        if (!range->is_ours)
            continue;
        put_readable(dump, range->start, stop);
        put_readable(dump, next, range->end);
    }
}

void dump_memory(struct dump *dump)
{
    each_structure(dump, put);
    for (uint32_t id = 1; id < heap_count && id < MAX_HEAPS; id++)
        put_brk(dump, &heap_table[id]->arena);
    for (unsigned i = 0; i < zone_count && i < MAX_ZONES; i++)
        put_zone(dump, &zones[i]);
    if (dump->with_content)
        put_content(dump);
    dump_flush(dump);
}
