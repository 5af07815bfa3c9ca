/* SPDX-License-Identifier: MIT */
/*
 * An arena against a shadow: contents, alignment, and arena_check() after
 * every step, on page runs and on brk.
 */
#include "unit_arena.h"

enum { SLOTS = 100, STEPS = 4000 };

static struct {
    struct chunk *chunk;
    size_t filled; /* bytes of it that hold the slot's value */
} slots[SLOTS];

static size_t random_size(void)
{
    static const size_t limits[] = {100, 2000, 40000, 400000};
    size_t size = random_below(limits[random_below(4)]);

    return chunk_size_for(size);
}

static void slot_fill(size_t i)
{
    slots[i].filled = chunk_usable(chunk_size(slots[i].chunk));
    memset(chunk_to_mem(slots[i].chunk), (int)i, slots[i].filled);
}

static void slot_alloc(size_t i)
{
    size_t size = random_size();
    size_t align = (size_t)32 << random_below(9);

    if (random_below(4) == 0) {
        slots[i].chunk = arena_alloc_aligned(&arena, size, align);
        CHECK_EQ((uintptr_t)chunk_to_mem(slots[i].chunk) % align, 0);
    } else {
        slots[i].chunk = arena_alloc(&arena, size);
    }
    REQUIRE(slots[i].chunk != NULL);
    CHECK(chunk_size(slots[i].chunk) >= size);
    slot_fill(i);
}

static void slot_resize(size_t i)
{
    size_t size = random_size();
    size_t had = slots[i].filled;

    if (arena_resize(&arena, slots[i].chunk, size)) {
        size_t have = chunk_size(slots[i].chunk);
        CHECK(have >= size && have < size + 2 * CHUNK_MIN);
        CHECK(holds(slots[i].chunk, (int)i, min_size(had, chunk_usable(have))));
        slot_fill(i);
    }
}

static void slot_free(size_t i)
{
    CHECK(holds(slots[i].chunk, (int)i, slots[i].filled));
    chunk_check_inuse(chunk_to_mem(slots[i].chunk));
    arena_free(&arena, slots[i].chunk);
    slots[i].chunk = NULL;
}

static void step(void)
{
    size_t i = random_below(SLOTS);

    if (slots[i].chunk == NULL)
        slot_alloc(i);
    else if (random_below(3) == 0)
        slot_resize(i);
    else
        slot_free(i);
    if (random_below(500) == 0)
        arena_trim(&arena, random_below(MIB));
    check_arena();
}

static void stress(bool is_main)
{
    arena_start(is_main);
    for (int i = 0; i < STEPS; i++)
        step();
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].chunk != NULL)
            slot_free(i);
    }
    check_arena();
    check_zones();
    arena_trim(&arena, 0);
    check_arena();
}

TEST_CHILD(arena_random, on_page_runs)
{
    stress(false);
    CHECK_EQ(zone_live_pages(), arena.system_mem >> PAGE_SHIFT);
    /* Segments below RETURN_MIN stay, without their memory: but for what
       shares a system page. */
    size_t shared = os_page_size() > PAGE_BYTES ? MIB : 0;
    CHECK(arena.dirty + top_size(&arena) < 512 * KIB + shared);
    CHECK(arena.system_mem < 8 * MIB);
}

TEST_CHILD(arena_random, on_brk)
{
    void *before = sbrk(0);

    stress(true);
    CHECK((char *)sbrk(0) - (char *)before < 512 * KIB);
}

/* Foreign sbrk() calls go on in between, and their memory stays theirs. */
TEST_CHILD(arena_random, on_brk_with_foreign_sbrk_in_between)
{
    enum { FOREIGN = 20, BYTES = 5000 };
    char *foreign[FOREIGN];

    arena_start(true);
    for (int round = 0; round < FOREIGN; round++) {
        for (int i = 0; i < 100; i++)
            step();
        foreign[round] = sbrk(BYTES);
        memset(foreign[round], 0x99, BYTES);
    }
    for (int round = 0; round < FOREIGN; round++)
        CHECK(is_filled(foreign[round], 0x99, BYTES));
}

/* Any system call may fail at any time. */
TEST_CHILD(arena_random, with_failing_system_calls)
{
    for (int is_main = 0; is_main < 2; is_main++) {
        arena_start(is_main != 0);
        memset(slots, 0, sizeof(slots));
        for (int i = 0; i < STEPS / 2; i++) {
            fault((enum os_call)random_below(OS_NCALLS), 1, true);
            size_t at = random_below(SLOTS);
            if (slots[at].chunk != NULL) {
                slot_free(at);
            } else {
                slots[at].chunk = arena_alloc(&arena, random_size());
                if (slots[at].chunk != NULL)
                    slot_fill(at);
            }
            if (i % 200 == 0)
                arena_trim(&arena, 0);
            check_arena();
            fault_none();
            if (i % 4 == 0)
                give(take(random_size()));
        }
    }
    check_zones();
}
