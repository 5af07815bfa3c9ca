/* SPDX-License-Identifier: MIT */
/*
 * What hardened mode stops: one case for each check, by the words it dies
 * with.
 */
#include "unit_harden.h"

#define OVERRUN "corrupted block (overrun)"
#define WRITTEN "corrupted freed block (write after free)"

TEST_DIES(harden, free_sees_an_overrun_by_one, OVERRUN)
{
    harden_start_all();
    unsigned char *mem = harden_get(24);
    mem[harden_usable(mem)] = 0;
    harden_free(mem);
}

TEST_DIES(harden, realloc_sees_an_overrun, OVERRUN)
{
    harden_start_all();
    unsigned char *mem = harden_get(5000);
    mem[harden_usable(mem)] = 0;
    harden_realloc(mem, 6000);
}

TEST_DIES(harden, usable_size_sees_an_overrun, OVERRUN)
{
    harden_start_all();
    unsigned char *mem = harden_get(1 * MIB);
    mem[harden_usable(mem)] = 0;
    harden_usable(mem);
}

TEST_DIES(harden, an_aligned_block_has_a_canary_too, OVERRUN)
{
    harden_start_all();
    unsigned char *mem = harden_alloc_aligned(100, 256);
    REQUIRE(mem != NULL);
    mem[harden_usable(mem)] = 0;
    harden_free(mem);
}

TEST_DIES(harden, a_resized_block_has_a_canary_too, OVERRUN)
{
    harden_start_all();
    unsigned char *mem = harden_realloc(harden_get(5 * MIB), 9 * MIB);
    REQUIRE(mem != NULL);
    mem[harden_usable(mem)] = 0;
    harden_free(mem);
}

TEST_DIES(harden, a_second_free_in_quarantine, "double free or corruption")
{
    harden_start_all();
    unsigned char *mem = harden_get(100);
    harden_free(mem);
    harden_free(mem);
}

TEST_DIES(harden, a_pointer_into_an_object, "invalid pointer")
{
    harden_start_all();
    harden_free(harden_get(100) + 16);
}

TEST_DIES(harden, a_write_into_quarantine_is_seen_when_it_is_left, WRITTEN)
{
    harden_start_all();
    unsigned char *mem = harden_get(100);
    harden_free(mem);
    mem[0] = 1; /* the link */
    harden_trim();
}

TEST_DIES(harden, a_changed_mark_is_seen_when_quarantine_is_left, WRITTEN)
{
    harden_start_all();
    unsigned char *mem = harden_get(100);
    harden_free(mem);
    mem[8] ^= 1;
    harden_trim();
}

TEST_DIES(harden, a_write_into_a_freed_chunk_is_seen, WRITTEN)
{
    tunables.slab_max = 0;
    harden_start_all();
    unsigned char *mem = harden_get(1000);
    harden_free(mem);
    mem[500] = 1;
    harden_trim();
}

/* The object goes through quarantine to its bin, and out again. */
TEST_DIES(harden, a_write_into_a_freed_object_is_seen_at_reuse, WRITTEN)
{
    harden_start_all();
    unsigned char *mem = harden_get(100);
    harden_free(mem);
    mem[50] = 1;
    harden_trim();
    for (int i = 0; i < 1000; i++)
        harden_get(100);
}

TEST_DIES(harden, a_write_within_the_bound_is_seen, WRITTEN)
{
    tunables.zero_free = 1;
    tunables.check_free = 128;
    harden_start();
    unsigned char *mem = harden_get(1024);
    harden_free(mem);
    mem[1023] = 1;
    for (int i = 0; i < 1000; i++)
        harden_get(1024);
}

TEST_DIES(harden, a_poisoned_link_in_a_bin, "corrupted free list")
{
    tunables.safe_links = 1;
    harden_start();
    unsigned char *one = harden_get(100);
    unsigned char *two = harden_get(100);
    harden_free(one);
    harden_free(two);
    /* As an attacker without the secret would: the address, plain. */
    memcpy(two, &one, sizeof(one));
    harden_get(100);
}

TEST_DIES(harden, a_changed_mark_in_a_bin, "corrupted free list")
{
    tunables.safe_links = 1;
    harden_start();
    unsigned char *mem = harden_get(100);
    harden_free(mem);
    mem[8] ^= 1;
    harden_get(100);
}

TEST_DIES(harden, a_size_too_large, "invalid size")
{
    harden_start_all();
    harden_check_size(harden_get(100), 200, 0);
}

TEST_DIES(harden, a_size_too_small_for_its_class, "invalid size")
{
    harden_start_all();
    harden_check_size(harden_get(100), 50, 0);
}

TEST_DIES(harden, a_size_without_its_alignment, "invalid size")
{
    harden_start_all();
    void *mem = harden_alloc_aligned(100, 1024);
    REQUIRE(mem != NULL);
    harden_check_size(mem, 100, 0);
}

TEST_DIES(harden, a_size_too_small_for_its_chunk, "invalid size")
{
    harden_start_all();
    harden_check_size(harden_get(10000), 5000, 0);
}

TEST_DIES(harden, a_size_too_small_for_its_mapping, "invalid size")
{
    harden_start_all();
    harden_check_size(harden_get(9 * MIB), 4 * MIB, 0);
}

TEST_DIES(harden, a_size_too_small_for_its_run, "invalid size")
{
    tunables.check_size = 1;
    harden_start();
    harden_check_size(harden_get(2 * MIB), MIB, 0);
}

TEST_DIES(harden, a_size_of_a_block_of_none, "invalid size")
{
    harden_start_all();
    harden_check_size(harden_get(0), 1, 0);
}

/* A child that must die of SIGSEGV. */
static void check_fault(void (*fn)(void *unused))
{
    if (is_sanitized)
        SKIP("the sanitizer handles SIGSEGV");
    int status = test_child(fn, NULL, NULL, 0);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void write_behind(UNUSED void *unused)
{
    harden_start_all();
    volatile unsigned char *mem = harden_get(8 * MIB);
    for (size_t i = 8 * MIB; i < 8 * MIB + 8 * PAGE_BYTES; i++)
        mem[i] = 1;
}

TEST(harden, a_guard_lies_behind_a_large_block)
{
    check_fault(write_behind);
}

static void write_before(UNUSED void *unused)
{
    harden_start_all();
    volatile unsigned char *mem = harden_get(8 * MIB);
    for (size_t i = 1; i < 8 * PAGE_BYTES; i++)
        *(mem - i) = 1;
}

TEST(harden, a_guard_lies_before_a_large_block)
{
    check_fault(write_before);
}
