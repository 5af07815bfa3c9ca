/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

#include "heap/describe.h"

/* The text in brackets, without the name of the arena: heap 1 is the first. */
static const char *described(const void *mem)
{
    static char text[96];

    text[0] = '\0';
    describe_block(mem, text, sizeof(text));
    return text;
}

TEST_CHILD(describe, what_is_nobodys_has_no_arena)
{
    int here = 0;

    heap_start();
    CHECK_STR(described(&here), " (no arena)");
    CHECK_STR(described(NULL), " (no arena)");
    CHECK_STR(described((void *)UINTPTR_MAX), " (no arena)");
    /* Pages of the zone that were never handed out. */
    const struct zone *zone = &zones[0];
    uintptr_t end = zone->base + (zone->npages << PAGE_SHIFT);
    CHECK_STR(described((void *)(end - PAGE_BYTES)), " (no arena)");
}

TEST_CHILD(describe, a_slab_object_in_each_state)
{
    heap_start();
    char *mem = get(100);
    REQUIRE(kind_of(mem) == BLOCK_SLAB);
    CHECK_STR(described(mem), " (arena 1, size 112, in use)");
    CHECK_STR(described(mem + 16), " (arena 1, size 112, not its start)");
    heap_free(mem);
    CHECK_STR(described(mem), " (arena 1, size 112, free)");
}

TEST_CHILD(describe, a_slab_object_never_handed_out)
{
    struct block block;

    heap_start();
    char *mem = get(100);
    REQUIRE(mem != NULL);
    block_find(mem, &block);
    REQUIRE(block.kind == BLOCK_SLAB);
    REQUIRE(block.slab->carved < block.slab->nobjects);
    const void *last = slab_object(block.slab, block.slab->nobjects - 1u);
    CHECK_STR(described(last), " (arena 1, size 112, never used)");
}

TEST_CHILD(describe, a_chunk_in_each_state)
{
    heap_start_classic();
    char *mem = get(1024);
    get(1024);
    REQUIRE(kind_of(mem) == BLOCK_CHUNK);
    CHECK_STR(described(mem), " (arena 1, size 1040, in use)");
    CHECK_STR(described(mem + 16), " (arena 1, no valid header)");
    CHECK_STR(described(mem + 8), " (arena 1, no valid header)");
    heap_free(mem);
    CHECK_STR(described(mem), " (arena 1, size 1040, free)");
}

TEST_CHILD(describe, a_chunk_back_in_its_arena)
{
    heap_start_classic();
    char *mem = get(1024);
    get(1024);
    heap_free(mem);
    heap_trim(0);
    REQUIRE(chunk_is_free(mem_to_chunk(mem)));
    CHECK_STR(described(mem), " (arena 1, size 1040, free)");
}

TEST_CHILD(describe, a_run_of_pages)
{
    heap_start();
    char *mem = get(3 * MIB);
    REQUIRE(kind_of(mem) == BLOCK_RUN);
    CHECK_STR(described(mem), " (pages, size 3145728, in use)");
    heap_free(mem);
    CHECK_STR(described(mem), " (no arena)");
}

TEST_CHILD(describe, a_mapping_is_in_no_arena)
{
    heap_start();
    char *mem = get(80 * MIB);
    REQUIRE(kind_of(mem) == BLOCK_MMAPPED);
    CHECK_STR(described(mem), " (no arena)");
    heap_free(mem);
}
