/* SPDX-License-Identifier: MIT */
/*
 * The heap against a shadow: contents, alignment, usable size, with every
 * structure checked again and again.
 */
#include "unit_heap.h"

enum { SLOTS = 600, STEPS = 60000 };

static struct {
    unsigned char *mem;
    size_t size;
} slots[SLOTS];

static size_t random_size(void)
{
    return random_below((size_t)1 << (4 + random_below(16)));
}

static bool slot_holds(size_t i)
{
    size_t step = slots[i].size / 64 + 1;

    for (size_t at = 0; at < slots[i].size; at += step) {
        if (slots[i].mem[at] != (unsigned char)i)
            return false;
    }
    return true;
}

static void slot_fill(size_t i, void *mem, size_t size)
{
    slots[i].mem = mem;
    slots[i].size = size;
    if (mem == NULL)
        return;
    CHECK(usable(mem) >= size);
    memset(mem, (int)i, size);
}

static void slot_alloc(size_t i)
{
    size_t size = random_size();

    if (random_below(8) == 0) {
        size_t align = (size_t)32 << random_below(9);
        slot_fill(i, heap_alloc_aligned(size, align), size);
        CHECK_EQ((uintptr_t)slots[i].mem % align, 0);
    } else {
        slot_fill(i, get(size), size);
        CHECK_EQ((uintptr_t)slots[i].mem % 16, 0);
    }
}

static void slot_resize(size_t i)
{
    size_t size = 1 + random_size();
    unsigned char *moved = heap_realloc(slots[i].mem, size);

    if (moved == NULL)
        return;
    slots[i].mem = moved;
    slots[i].size = min_size(slots[i].size, size);
    CHECK(slot_holds(i));
    slot_fill(i, moved, size);
}

static void slot_free(size_t i)
{
    CHECK(slot_holds(i));
    heap_free(slots[i].mem);
    slots[i].mem = NULL;
}

static void step(void)
{
    size_t i = random_below(SLOTS);

    if (slots[i].mem == NULL)
        slot_alloc(i);
    else if (random_below(4) == 0)
        slot_resize(i);
    else
        slot_free(i);
}

static void stress(int steps)
{
    for (int n = 0; n < steps; n++) {
        step();
        if (n % 1024 == 0)
            check_heap(thread_own);
        if (n % 8192 == 0)
            heap_trim(0);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (slots[i].mem != NULL)
            slot_free(i);
    }
    heap_trim(0);
    check_heap(thread_own);
    /* Free segments below RETURN_MIN stay, without their memory. */
    size_t kept = thread_own->arena.free_bytes >> PAGE_SHIFT;
    CHECK(zone_live_pages() < kept + 128);
    /* What shares a system page with live memory cannot go back. */
    if (os_page_size() <= PAGE_BYTES) {
        CHECK(thread_own->arena.dirty < MIB);
        CHECK(zones[0].nr_dirty == 0);
    }
}

TEST_CHILD(heap_random, with_slabs)
{
    heap_start();
    stress(STEPS);
}

TEST_CHILD(heap_random, in_classic_mode)
{
    heap_start_classic();
    stress(STEPS);
}

TEST_CHILD(heap_random, with_failing_system_calls)
{
    heap_start();
    for (int n = 0; n < STEPS / 4; n++) {
        if (n % 3 != 0)
            fault((enum os_call)random_below(OS_NCALLS), 1, true);
        step();
        if (n % 1000 == 0)
            heap_trim(0);
        fault_none();
        if (n % 512 == 0)
            check_heap(thread_own);
    }
    stress(2000);
}

TEST_CHILD(heap_random, with_failing_system_calls_in_classic_mode)
{
    heap_start_classic();
    for (int n = 0; n < STEPS / 4; n++) {
        if (n % 3 != 0)
            fault((enum os_call)random_below(OS_NCALLS), 1, true);
        step();
        fault_none();
        if (n % 512 == 0)
            check_heap(thread_own);
    }
    stress(2000);
}
