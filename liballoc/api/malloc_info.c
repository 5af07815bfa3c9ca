/* SPDX-License-Identifier: MIT */
/*
 * malloc_info(3): glibc's XML, version 1, that existing parsers read.
 */
#include "api/entry.h"
#include "api/stats.h"
#include "api/text.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>

enum {
    HEAP_TEXT = 8192, /* most text of one <heap> element */
};

/* <sizes>: the free objects of each slab class in bins. */
static void text_sizes(struct text *text, const struct heap *heap)
{
    TEXT(text, "<sizes>\n");
    for (unsigned cls = 0; cls < NSLAB; cls++) {
        const struct bin *bin = &heap->bins[cls];
        size_t count = (size_t)(bin->limit - bin->room) + bin->spare_count;
        size_t to = size_class_bytes(cls);
        size_t from = cls == 0 ? 1 : size_class_bytes(cls - 1) + 1;
        if (count == 0)
            continue;
        TEXT(text,
             "  <size from=\"%lu\" to=\"%lu\" total=\"%lu\" count=\"%lu\"/>\n",
             from, to, count * to, count);
    }
    TEXT(text, "</sizes>\n");
}

/* What closes a list of sizes, the same for a heap and for the whole. */
static void text_totals(struct text *text, const struct heap_census *census)
{
    TEXT(text,
         "<total type=\"fast\" count=\"%lu\" size=\"%lu\"/>\n"
         "<total type=\"rest\" count=\"%lu\" size=\"%lu\"/>\n",
         census->fastbins, census->bin_slab + census->bin_chunk,
         census->chunks_free + (census->top > 0),
         census->chunk_free + census->top + census->slab_free);
}

static void text_system(struct text *text, size_t system)
{
    TEXT(text,
         "<system type=\"current\" size=\"%lu\"/>\n"
         "<system type=\"max\" size=\"%lu\"/>\n"
         "<aspace type=\"total\" size=\"%lu\"/>\n"
         "<aspace type=\"mprotect\" size=\"%lu\"/>\n",
         system, system, system, system);
}

static void text_heap(struct heap *heap, const struct heap_census *census,
                      void *data)
{
    struct text *text = data;

    if (text_room(text) < HEAP_TEXT)
        return;
    TEXT(text, "<heap nr=\"%u\">\n", heap->id - 1);
    text_sizes(text, heap);
    text_totals(text, census);
    text_system(text, census->system + census->slab_bytes);
    TEXT(text, "</heap>\n");
}

static void unmap(void *text)
{
    text_unmap(text);
}

/* fwrite() is a cancellation point: the text goes in any case. */
static bool text_send(struct text *text, FILE *stream)
{
    size_t written = 0;

    pthread_cleanup_push(unmap, text);
    written = fwrite(text->buf, 1, text->at, stream);
    pthread_cleanup_pop(1);
    return written == text->at;
}

EXPORT int malloc_info(int options, FILE *stream)
{
    struct stats stats = {.heaps = 0};
    struct text text;

    if (options != 0) {
        errno = EINVAL;
        return -1;
    }
    if (!init_check()) {
        errno = ENOMEM;
        return -1;
    }
    if (!text_map(&text, (heap_count + 2) * (size_t)HEAP_TEXT)) {
        errno = ENOMEM;
        return -1;
    }
    TEXT(&text, "<malloc version=\"1\">\n");
    stats_gather(&stats, text_heap, &text);
    text_totals(&text, &stats.all);
    TEXT(&text, "<total type=\"mmap\" count=\"%lu\" size=\"%lu\"/>\n",
         stats.mmapped_count, stats.mmapped);
    text_system(&text, stats_system(&stats));
    TEXT(&text, "</malloc>\n");
    return text_send(&text, stream) ? 0 : -1;
}
