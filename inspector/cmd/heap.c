/* SPDX-License-Identifier: MIT */
/*
 * heap: one page on the whole heap, from metadata and residency alone: no
 * object is read, so it is quick.
 */
#include "cmd/view.h"
#include "walk/resident.h"
#include "walk/usage.h"

#include <stdio.h>

enum {
    ADVISE_PART = 10, /* a tenth of the resident memory is worth a word ... */
    ADVISE_LEAST = 1 << 20, /* ... from so many bytes on */
};

/* Counts by kind of heap, and memory of blocks as far as it is resident. */
struct facts {
    size_t owned;
    size_t idle;
    size_t orphans;
    size_t idle_bytes; /* cached and listed in heaps without a thread */
    struct resident_use use[NBLOCKKINDS];
    size_t resident;
    size_t huge;
    size_t swapped;
    bool known;
};

static void count_heaps(const struct model *model, const struct usage *usage,
                        struct facts *facts)
{
    for (size_t i = 0; i < model->nheaps; i++) {
        const struct model_heap *heap = &model->heaps[i];
        const struct heap_use *use = &usage->heaps[i + 1];
        if (heap->address == 0)
            continue;
        facts->owned += heap->heap.state == HEAP_OWNED;
        facts->idle += heap->heap.state == HEAP_IDLE;
        facts->orphans += heap->heap.state == HEAP_ORPHAN;
        if (heap->heap.state != HEAP_OWNED) {
            facts->idle_bytes +=
                use->slab_cached + use->chunk_cached + use->listed;
        }
    }
}

static void count_resident(const struct model *model, struct facts *facts)
{
    struct resident resident;
    struct block_walk walk;
    struct block block;

    resident_begin(&resident, model->target);
    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block)) {
        resident_add(&resident, block.start, block.size,
                     &facts->use[block.kind]);
    }
    for (unsigned kind = 0; kind < NBLOCKKINDS; kind++) {
        facts->resident += facts->use[kind].resident;
        facts->swapped += facts->use[kind].swapped;
        facts->huge += facts->use[kind].huge;
    }
    facts->known = resident.known;
    resident_end(&resident);
}

static void add_bytes(struct summary *summary, const char *key, size_t bytes,
                      const char *meaning)
{
    summary_add(summary, key, COLUMN_BYTES, value_number(bytes), meaning);
}

static void add_count(struct summary *summary, const char *key, size_t count,
                      const char *meaning)
{
    summary_add(summary, key, COLUMN_COUNT, value_number(count), meaning);
}

static void add_resident(struct summary *summary, const struct facts *facts,
                         const char *key, size_t bytes, const char *meaning)
{
    summary_add(summary, key, COLUMN_BYTES,
                facts->known ? value_number(bytes) : value_unknown(), meaning);
}

static size_t slab_idle(const struct usage *usage)
{
    const struct heap_use *all = &usage->heaps[0];
    size_t taken = all->slab_live + all->slab_cached;

    return all->slab_bytes > taken ? all->slab_bytes - taken : 0;
}

static void show_who(struct context *context, const struct model *model,
                     const struct facts *facts)
{
    const struct heap_root *root = target_root(context->target);
    struct summary *summary = summary_begin(context->output, "liballoc");
    char version[ROOT_NAME + 1];

    (void)snprintf(version, sizeof version, "%.*s", ROOT_NAME, root->version);
    summary_add(summary, "version", COLUMN_TEXT, value_text(version),
                "of liballoc in the process");
    add_count(summary, "zones", model->nzones, "reserved spans of addresses");
    add_count(summary, "heaps", facts->owned, "of living threads");
    add_count(summary, "idle_heaps", facts->idle,
              "their threads ended; the next new threads adopt them");
    if (facts->orphans > 0) {
        add_count(summary, "orphans", facts->orphans,
                  "of threads that a fork left behind: they only take frees");
    }
    (void)summary_end(summary);
}

static void show_sizes(struct context *context, const struct usage *usage,
                       const struct facts *facts)
{
    struct summary *summary = summary_begin(context->output, "heap");
    const struct heap_use *all = &usage->heaps[0];
    size_t live = usage_live(usage);
    size_t mapped = 0;

    for (unsigned kind = 0; kind < NBLOCKKINDS; kind++)
        mapped += usage->bytes[kind];
    add_bytes(summary, "live", live,
              "in the program's hands: leaks and plain need look alike here");
    add_resident(summary, facts, "resident", facts->resident,
                 "memory that the kernel holds for the heap");
    add_resident(summary, facts, "swapped", facts->swapped,
                 "of the heap; a walk over objects would read it back in");
    add_resident(summary, facts, "huge", facts->huge,
                 "of resident, in huge pages; hugepage_ratio asks for more");
    add_bytes(summary, "mapped", mapped, "addresses in use by the heap");
    add_bytes(summary, "thread_caches", all->slab_cached + all->chunk_cached,
              "free objects in bins and on their way: bin_bytes, cache_bytes");
    add_bytes(summary, "slab_free", slab_idle(usage),
              "in slabs, without an object: much of it is fragmentation");
    add_bytes(summary, "chunk_free", all->free_chunks + all->top,
              "free chunks and tops of arenas: trim_threshold, pins");
    add_bytes(summary, "page_free", usage->bytes[BLOCK_FREE],
              "free blocks of pages, resident or not: see buddy");
    add_resident(summary, facts, "page_free_resident",
                 facts->use[BLOCK_FREE].resident +
                     facts->use[BLOCK_LISTED].resident,
                 "of these: dirty_min, dirty_ratio, purge_delay");
    add_bytes(summary, "kept", usage->bytes[BLOCK_MMAP_KEPT],
              "freed mappings kept for reuse: mmap_cache");
    add_resident(summary, facts, "metadata", facts->use[BLOCK_META].resident,
                 "page maps, heaps, records of mappings");
    (void)summary_end(summary);
}

/* By purpose: what the program's memory is made of. */
static void show_kinds(struct context *context, const struct usage *usage,
                       const struct facts *facts)
{
    static const struct column columns[] = {
        {"KIND", "kind", COLUMN_TEXT, false, "what the blocks are"},
        {"BLOCKS", "blocks", COLUMN_COUNT, false, "how many"},
        {"BYTES", "bytes", COLUMN_BYTES, false, "of addresses"},
        {"RESIDENT", "resident", COLUMN_BYTES, false, "of it, in memory"},
        {"HUGE", "huge", COLUMN_BYTES, false, "of it, in huge pages"},
        {"SWAPPED", "swapped", COLUMN_BYTES, false, "of it, swapped out"},
    };
    struct table *table = table_begin(context->output, "kinds", columns,
                                      sizeof columns / sizeof *columns);

    for (unsigned kind = 0; kind < NBLOCKKINDS; kind++) {
        const struct resident_use *use = &facts->use[kind];
        bool known = facts->known;
        const struct value values[] = {
            value_text(block_kind_names[kind]),
            value_number(usage->blocks[kind]),
            value_number(usage->bytes[kind]),
            known ? value_number(use->resident) : value_unknown(),
            known ? value_number(use->huge) : value_unknown(),
            known ? value_number(use->swapped) : value_unknown(),
        };
        if (usage->blocks[kind] > 0 && !table_row(table, values))
            break;
    }
    (void)table_end(table);
}

/* What stands out, and what can be done about it. */
static void advise(struct context *context, const struct model *model,
                   const struct usage *usage, const struct facts *facts)
{
    const struct heap_use *all = &usage->heaps[0];
    size_t chunks = all->free_chunks + all->top;
    size_t in_arenas = facts->use[BLOCK_SEGMENT].resident;
    const struct {
        size_t bytes;
        const char *text;
    } words[] = {
        {facts->use[BLOCK_FREE].resident,
         "free pages are resident: they go within purge_delay unless dirty_min "
         "or dirty_ratio lets them stay; malloc_trim(0) gives them back now; "
         "`why` tells of each"},
        {slab_idle(usage), "slabs hold no object: `pins` names the objects "
                           "that keep them"},
        {chunks < in_arenas ? chunks : in_arenas,
         "arenas are free chunks, at most: `arenas` tells where, `pins` what "
         "lies between them"},
        {all->slab_cached + all->chunk_cached,
         "objects are cached by threads: `threads` tells by which; lower "
         "bin_bytes or cache_bytes"},
        {facts->idle_bytes, "memory wait in heaps of threads that have ended: "
                            "malloc_trim(0) takes them back"},
        {usage->bytes[BLOCK_MMAP_KEPT],
         "freed mappings are kept for reuse: lower mmap_cache"},
        {facts->swapped, "the heap are swapped out"},
    };
    char text[32];

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i].bytes > facts->resident / ADVISE_PART &&
            words[i].bytes > ADVISE_LEAST) {
            output_advise(context->output, "%s of %s",
                          output_bytes(context->output, words[i].bytes, text,
                                       sizeof text),
                          words[i].text);
        }
    }
    if (model->faults > 0) {
        output_advise(context->output,
                      "some of the heap makes no sense: run `check`");
    }
}

static enum status run(struct context *context)
{
    struct model *model = view_begin(context, false);
    struct facts facts = {0};

    if (model == NULL)
        return context->failure->status;
    struct usage *usage = usage_count(model);
    count_heaps(model, usage, &facts);
    count_resident(model, &facts);
    show_who(context, model, &facts);
    show_sizes(context, usage, &facts);
    show_kinds(context, usage, &facts);
    advise(context, model, usage, &facts);
    usage_free(usage);
    return view_end(context, model, STATUS_FINE);
}

const struct command cmd_heap = {
    .name = "heap",
    .arguments = "TARGET",
    .summary = "one page on the whole heap, and what stands out",
    .example = "heapinspect heap 1234",
    .flags = COMMAND_NEEDS_ROOT,
    .run = run,
};
