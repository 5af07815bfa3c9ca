/* SPDX-License-Identifier: MIT */
#include "unit_harden.h"

enum { BLOCK = 64 };

static struct heap heap;

/* Addresses that are never looked at. */
static void *block(size_t i)
{
    return (void *)(uintptr_t)(0x1000 + i * BLOCK);
}

static struct quarantine *quarantine_start(size_t bytes)
{
    if (zone_count == 0)
        REQUIRE(zone_init());
    tunables.quarantine = bytes;
    struct quarantine *quarantine = quarantine_of(&heap);
    REQUIRE(quarantine != NULL);
    CHECK_EQ(quarantine->count, 0);
    CHECK_EQ(quarantine->bytes, 0);
    CHECK(quarantine->random != 0);
    return quarantine;
}

TEST_CHILD(quarantine, is_made_once_a_heap)
{
    struct quarantine *quarantine = quarantine_start(KIB);

    CHECK(quarantine_of(&heap) == quarantine);
    CHECK(heap.quarantine == quarantine);
}

TEST_CHILD(quarantine, without_memory_there_is_none)
{
    fault(OS_MMAP, 1, true);
    CHECK(quarantine_of(&heap) == NULL);
    fault_none();
    CHECK(quarantine_of(&heap) != NULL);
}

TEST_CHILD(quarantine, accepts_an_eighth_of_itself)
{
    tunables.quarantine = 8 * KIB;
    CHECK(quarantine_accepts(1));
    CHECK(quarantine_accepts(KIB));
    CHECK(!quarantine_accepts(KIB + 1));
    tunables.quarantine = 0;
    CHECK(!quarantine_accepts(1));
}

TEST_CHILD(quarantine, is_full_by_bytes)
{
    struct quarantine *quarantine = quarantine_start(10 * BLOCK);

    for (size_t i = 0; i < 10; i++) {
        CHECK(!quarantine_is_full(quarantine, BLOCK));
        quarantine_put(quarantine, block(i), BLOCK);
    }
    CHECK(quarantine_is_full(quarantine, 1));
    quarantine_take(quarantine);
    CHECK(!quarantine_is_full(quarantine, BLOCK));
    CHECK(quarantine_is_full(quarantine, BLOCK + 1));
}

/* Small ones go for large ones, until the bound is an eighth behind. */
TEST_CHILD(quarantine, is_overfull_an_eighth_beyond)
{
    struct quarantine *quarantine = quarantine_start(16 * BLOCK);
    size_t out = 0;

    for (size_t i = 0; i < 16; i++)
        quarantine_put(quarantine, block(i), BLOCK);
    CHECK(!quarantine_is_overfull(quarantine));
    for (size_t i = 16; i < 18; i++) {
        struct quarantined old =
            quarantine_exchange(quarantine, block(i), 2 * BLOCK);
        CHECK(old.mem != block(i));
        out += old.usable;
    }
    CHECK_EQ(quarantine->count, 16);
    CHECK_EQ(quarantine->bytes + out, 20 * BLOCK);
    CHECK(!quarantine_is_overfull(quarantine) ||
          quarantine->bytes > 18 * BLOCK);
    quarantine_put(quarantine, block(18), 3 * BLOCK);
    CHECK(quarantine_is_overfull(quarantine));
}

TEST_CHILD(quarantine, is_full_by_count)
{
    struct quarantine *quarantine = quarantine_start(SIZE_MAX);

    for (size_t i = 0; i < QUARANTINE_SLOTS; i++) {
        CHECK(!quarantine_is_full(quarantine, BLOCK));
        quarantine_put(quarantine, block(i), 1);
    }
    CHECK(quarantine_is_full(quarantine, BLOCK));
}

TEST_CHILD(quarantine, gives_back_each_once_with_its_size)
{
    struct quarantine *quarantine = quarantine_start(SIZE_MAX);
    bool seen[QUARANTINE_SLOTS] = {false};

    for (size_t i = 0; i < QUARANTINE_SLOTS; i++)
        quarantine_put(quarantine, block(i), i + 1);
    for (size_t n = 0; n < QUARANTINE_SLOTS; n++) {
        struct quarantined old = quarantine_take(quarantine);
        size_t i = ((uintptr_t)old.mem - 0x1000) / BLOCK;
        REQUIRE(i < QUARANTINE_SLOTS);
        CHECK(!seen[i]);
        CHECK_EQ(old.usable, i + 1);
        seen[i] = true;
    }
    CHECK_EQ(quarantine->count, 0);
    CHECK_EQ(quarantine->bytes, 0);
}

TEST_CHILD(quarantine, lets_go_in_an_order_nobody_can_tell)
{
    struct quarantine *quarantine = quarantine_start(SIZE_MAX);
    unsigned in_order = 0;
    uintptr_t last = 0;

    for (size_t i = 0; i < QUARANTINE_SLOTS; i++)
        quarantine_put(quarantine, block(i), 1);
    for (size_t i = 0; i < QUARANTINE_SLOTS; i++) {
        struct quarantined old = quarantine_take(quarantine);
        in_order += (uintptr_t)old.mem == last + BLOCK;
        last = (uintptr_t)old.mem;
    }
    /* By chance one in 256 follows its neighbour. */
    CHECK(in_order < QUARANTINE_SLOTS / 8);
}

/* Any of the `count` places may be next: each is, within 64 rounds of each. */
TEST_CHILD(quarantine, every_place_has_its_turn)
{
    enum { COUNT = 16 };

    struct quarantine *quarantine = quarantine_start(SIZE_MAX);
    bool seen[COUNT] = {false};

    for (size_t i = 0; i < COUNT; i++)
        quarantine_put(quarantine, block(i), 1);
    for (int i = 0; i < 64 * COUNT; i++) {
        struct quarantined old = quarantine_take(quarantine);
        seen[((uintptr_t)old.mem - 0x1000) / BLOCK] = true;
        quarantine_put(quarantine, old.mem, old.usable);
    }
    for (size_t i = 0; i < COUNT; i++)
        CHECK(seen[i]);
}
