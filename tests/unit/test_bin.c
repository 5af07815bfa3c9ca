/* SPDX-License-Identifier: MIT */
#include "unit_heap.h"

#include "arena/top.h"

enum { CLS = 5, CHUNK_BIN = NSLAB + 80, MANY = 3000, SCATTER = 149 };

static void *objects[MANY];

/* One object of the bin, refilled if need be. */
static void *pop(struct heap *heap, unsigned index)
{
    if (heap->bins[index].head == NULL)
        REQUIRE(bin_refill(heap, index));
    void *mem = bin_pop(&heap->bins[index]);
    REQUIRE(mem != NULL);
    return mem;
}

static void push(struct heap *heap, unsigned index, void *mem)
{
    if (heap->bins[index].room > 0) {
        bin_push(&heap->bins[index], mem);
    } else {
        /* As fast_spill() does before it gives up. */
        if (index < NSLAB && heap->spill_credit[index] >= 0)
            heap->spill_credit[index]--;
        bin_spill(heap, index, mem);
    }
    check_bin(&heap->bins[index]);
}

/* Freed one by one, no two neighbours lie near each other. */
static void push_scattered(struct heap *heap, size_t count)
{
    for (size_t i = 0; i < count; i++)
        push(heap, CLS, objects[i * SCATTER % count]);
}

TEST_CHILD(bin, an_unused_bin_holds_nothing_and_has_no_room)
{
    heap_start();
    for (unsigned i = 0; i < NHEAPBINS; i++) {
        const struct bin *bin = &thread_own->bins[i];
        CHECK(bin->head == NULL && bin->spare == NULL);
        CHECK_EQ(bin->room, 0);
        CHECK(bin_pop(&thread_own->bins[i]) == NULL);
    }
}

TEST_CHILD(bin, every_bin_refills_with_objects_of_its_size)
{
    heap_start();
    for (unsigned i = 0; i < NHEAPBINS; i++) {
        void *mem = pop(thread_own, i);
        check_bin(&thread_own->bins[i]);
        CHECK(usable(mem) >= bin_bytes(i));
        CHECK_EQ(kind_of(mem), i < NSLAB ? BLOCK_SLAB : BLOCK_CHUNK);
        memset(mem, 1, bin_bytes(i));
        push(thread_own, i, mem);
    }
    check_heap(thread_own);
}

TEST_CHILD(bin, is_last_in_first_out)
{
    heap_start();
    void *first = pop(thread_own, CLS);
    void *second = pop(thread_own, CLS);
    push(thread_own, CLS, first);
    push(thread_own, CLS, second);
    CHECK(pop(thread_own, CLS) == second);
    CHECK(pop(thread_own, CLS) == first);
}

TEST_CHILD(bin, free_objects_carry_the_key_and_live_ones_do_not)
{
    heap_start();
    struct free_object *object = pop(thread_own, CLS);
    CHECK(object->key != object_key(object));
    push(thread_own, CLS, object);
    CHECK(object->key == object_key(object));
    CHECK(pop(thread_own, CLS) == object);
    CHECK(object->key != object_key(object));
}

TEST_CHILD(bin, a_full_chain_is_parked_as_the_spare)
{
    heap_start();
    struct bin *bin = &thread_own->bins[CLS];
    for (int i = 0; i < MANY; i++)
        objects[i] = pop(thread_own, CLS);
    bin_flush_locked(thread_own, CLS);
    int n = 0;
    while (bin->room > 0)
        push(thread_own, CLS, objects[n++]);
    CHECK(bin->spare == NULL);
    push(thread_own, CLS, objects[n]);
    CHECK_EQ(bin->spare_count, n);
    CHECK_EQ(bin_count(bin), 1);
    /* Both come back, the spare last. */
    CHECK(pop(thread_own, CLS) == objects[n]);
    while (n > 0)
        CHECK(pop(thread_own, CLS) == objects[--n]);
    check_heap(thread_own);
}

TEST_CHILD(bin, what_bin_and_spare_have_no_room_for_goes_to_the_slabs)
{
    heap_start();
    struct bin *bin = &thread_own->bins[CLS];
    for (int i = 0; i < MANY; i++)
        objects[i] = pop(thread_own, CLS);
    push_scattered(thread_own, MANY);
    size_t kept = bin_count(bin) + bin->spare_count;
    CHECK(kept <= 6 * (size_t)thread_own->cap[CLS] + 64);
    CHECK(kept < MANY / 2);
    CHECK(thread_own->slab_caches[CLS].nr_slabs <
          MANY * bin_bytes(CLS) / slab_bytes(CLS));
    check_heap(thread_own);
}

TEST_CHILD(bin, objects_freed_in_order_of_address_stay_within_the_budget)
{
    heap_start();
    struct bin *bin = &thread_own->bins[CLS];
    for (int i = 0; i < MANY; i++)
        objects[i] = pop(thread_own, CLS);
    for (int i = 0; i < MANY; i++)
        push(thread_own, CLS, objects[i]);
    CHECK(bin_count(bin) + bin->spare_count > MANY * 9 / 10);
    CHECK(thread_own->cached_bytes > 0);
    CHECK(thread_own->cached_bytes <= MANY * bin_bytes(CLS));
    check_heap(thread_own);
    for (int i = 0; i < MANY; i++)
        objects[i] = pop(thread_own, CLS);
    CHECK_EQ(thread_own->cached_bytes, 0);
    tunables.cache_bytes = 0;
    for (int i = 0; i < MANY; i++)
        push(thread_own, CLS, objects[i]);
    CHECK(bin_count(bin) + bin->spare_count < MANY / 2);
    size_t eighth = (zone_live_pages() << PAGE_SHIFT) / 8;
    CHECK(thread_own->cached_bytes <= max_size(eighth, 64 * KIB));
    heap_lock(thread_own);
    bin_flush_locked(thread_own, CLS);
    heap_unlock(thread_own);
    CHECK_EQ(thread_own->cached_bytes, 0);
}

TEST_CHILD(bin, flush_empties_bin_and_spare)
{
    heap_start();
    for (int i = 0; i < MANY; i++)
        objects[i] = pop(thread_own, CLS);
    for (int i = 0; i < MANY; i++)
        push(thread_own, CLS, objects[i]);
    heap_lock(thread_own);
    bin_flush_locked(thread_own, CLS);
    heap_unlock(thread_own);
    const struct bin *bin = &thread_own->bins[CLS];
    CHECK(bin->head == NULL && bin->spare == NULL);
    CHECK_EQ(bin_count(bin), 0);
    CHECK(thread_own->slab_caches[CLS].nr_slabs <= 1);
    check_heap(thread_own);
}

TEST_CHILD(bin, chunks_come_from_the_arena_and_go_back_there)
{
    heap_start();
    for (int i = 0; i < 300; i++)
        objects[i] = pop(thread_own, CHUNK_BIN);
    for (int i = 0; i < 300; i++)
        push(thread_own, CHUNK_BIN, objects[i]);
    heap_lock(thread_own);
    bin_flush_locked(thread_own, CHUNK_BIN);
    heap_unlock(thread_own);
    check_heap(thread_own);
    CHECK(arena_trim(&thread_own->arena, 0) > 0);
    CHECK(thread_own->arena.dirty < 64 * KIB);
}

TEST_CHILD(bin, grows_when_what_it_spilled_is_wanted_again)
{
    heap_start();
    size_t before = 0;
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 2 * SCATTER + 2; i++)
            objects[i] = pop(thread_own, CLS);
        before = before != 0 ? before : thread_own->cap[CLS];
        push_scattered(thread_own, 2 * SCATTER + 2);
    }
    CHECK(thread_own->cap[CLS] > before);
    CHECK(thread_own->cap[CLS] * bin_bytes(CLS) <= tunables.bin_bytes);
}

TEST_CHILD(bin, large_bins_grow_only_within_their_budget)
{
    tunables.cache_bytes = 0;
    heap_start();
    void *mem = pop(thread_own, CHUNK_BIN);
    size_t before = thread_own->cap[CHUNK_BIN];
    push(thread_own, CHUNK_BIN, mem);
    for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 20; i++)
            objects[i] = pop(thread_own, CHUNK_BIN);
        for (int i = 0; i < 20; i++)
            push(thread_own, CHUNK_BIN, objects[i]);
    }
    CHECK(thread_own->cached_bytes <=
          (zone_live_pages() << PAGE_SHIFT) / 8 + 8 * bin_bytes(CHUNK_BIN));
    CHECK(thread_own->cap[CHUNK_BIN] <= 8 * before);
}

TEST_CHILD(bin, no_memory_is_false_and_the_bin_lives_on)
{
    heap_start();
    zone_close(&zones[0]);
    fault(OS_MMAP, 1, true);
    CHECK(!bin_refill(thread_own, CLS));
    check_heap(thread_own);
    fault_none();
    CHECK(bin_refill(thread_own, CLS));
}

TEST_DIES(bin, an_overwritten_free_object_is_fatal_when_flushed,
          "corrupted free list")
{
    heap_start();
    struct free_object *object = pop(thread_own, CLS);
    push(thread_own, CLS, object);
    object->key ^= 4;
    heap_lock(thread_own);
    bin_flush_locked(thread_own, CLS);
}

TEST_DIES(bin, an_object_of_another_class_is_fatal_when_flushed,
          "corrupted free list")
{
    heap_start();
    pop(thread_own, CLS);
    bin_push(&thread_own->bins[CLS], pop(thread_own, CLS + 3));
    heap_lock(thread_own);
    bin_flush_locked(thread_own, CLS);
}

TEST(bin, bins_are_chosen_so_that_the_request_fits)
{
    for (size_t size = 1; size <= MEDIUM_MAX; size++) {
        unsigned index = bin_for(size);
        CHECK(index < NHEAPBINS);
        CHECK_EQ(index < NSLAB, size <= tunables.slab_max);
        size_t holds = bin_bytes(index) + (index < NSLAB ? 0 : CHUNK_OVERHEAD);
        CHECK(holds >= size);
    }
}

TEST(bin, chunks_return_to_a_bin_that_they_are_large_enough_for)
{
    for (size_t size = 16; size <= 2 * (size_t)MEDIUM_MAX; size += 16) {
        unsigned index = bin_for_chunk(size);
        if (size + CHUNK_OVERHEAD > tunables.slab_max && size <= BINNED_MAX) {
            CHECK(index >= NSLAB && index < NHEAPBINS);
            CHECK(bin_bytes(index) <= size);
        } else {
            CHECK_EQ(index, NHEAPBINS);
        }
    }
}

/* Free memory is worth more to all than to one thread's bin of large ones. */
TEST_CHILD(bin, large_chunks_go_straight_to_the_arena)
{
    heap_start();
    void *binned = get(BINNED_MAX);
    void *large = get(BINNED_MAX + 4096);
    size_t before = thread_own->arena.free_bytes + top_size(&thread_own->arena);

    heap_free(binned);
    CHECK_EQ(thread_own->arena.free_bytes + top_size(&thread_own->arena),
             before);
    heap_free(large);
    CHECK(thread_own->arena.free_bytes + top_size(&thread_own->arena) >=
          before + BINNED_MAX);
    check_heap(thread_own);
}
