/* SPDX-License-Identifier: MIT */
#include "heap/describe.h"

#include "arena/chunk.h"
#include "base/print.h"
#include "page/page_map.h"
#include "slab/slab.h"

static bool is_marked_free(const void *mem)
{
    return ((const struct free_object *)mem)->key == object_key(mem);
}

static void describe_slab(const void *mem, const struct page_ref *ref,
                          char *text, size_t size)
{
    struct slab *slab = slab_of(ref);
    int index = slab != NULL ? slab_index(slab, (uintptr_t)mem) : -1;
    const char *state = "in use";

    if (index < 0) {
        state = "not its start";
    } else if (!slab_has_carved(slab, (uintptr_t)mem)) {
        state = "never used";
    } else if (is_marked_free(mem)) {
        state = "free";
    }
    print_buf(text, size, " (arena %u, size %lu, %s)", tag_heap_id(ref->tag),
              size_class_bytes(tag_kind(ref->tag)), state);
}

/* True: the word before `mem` is arena memory, too. */
static bool has_header(const void *mem, const struct page_ref *ref)
{
    struct page_ref before;

    return (uintptr_t)mem % 16 == 0 &&
           page_lookup((uintptr_t)mem - CHUNK_HEADER, &before) &&
           before.tag == ref->tag;
}

static void describe_chunk(const void *mem, const struct page_ref *ref,
                           char *text, size_t size)
{
    const struct chunk *chunk = mem_to_chunk(mem);

    if (!has_header(mem, ref) || !chunk_is_valid(chunk)) {
        print_buf(text, size, " (arena %u, no valid header)",
                  tag_heap_id(ref->tag));
        return;
    }
    bool is_free = chunk_is_free(chunk) || is_marked_free(mem);
    print_buf(text, size, " (arena %u, size %lu, %s)", tag_heap_id(ref->tag),
              chunk_size(chunk), is_free ? "free" : "in use");
}

static void describe_run(const struct page_ref *ref, char *text, size_t size)
{
    const struct page *page = &ref->zone->pages[ref->pfn];
    size_t bytes = (size_t)page->npages << PAGE_SHIFT;

    print_buf(text, size, " (pages, size %lu, %s)", bytes,
              page_state(page) == PAGE_RUN ? "in use" : "free");
}

void describe_block(const void *mem, char *text, size_t size)
{
    struct page_ref ref;

    if (!page_lookup((uintptr_t)mem, &ref)) {
        print_buf(text, size, " (no arena)");
        return;
    }
    uint32_t kind = tag_kind(ref.tag);
    if (kind < NSLAB && tag_heap_id(ref.tag) != 0) {
        describe_slab(mem, &ref, text, size);
    } else if (kind == KIND_CHUNK) {
        describe_chunk(mem, &ref, text, size);
    } else if (kind == KIND_RUN) {
        describe_run(&ref, text, size);
    } else {
        print_buf(text, size, " (no arena)");
    }
}
