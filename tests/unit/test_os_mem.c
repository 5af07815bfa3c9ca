/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "os/os_mem.h"

#include <sys/mman.h>

enum { PAGES = 16 };

static size_t size;

/* Memory of our own; every case starts with it. */
static char *map_some(void)
{
    size = PAGES * os_page_size();
    os_fault = (struct os_fault){.at = 0};
    char *mem = os_map(size);
    REQUIRE(mem != NULL);
    return mem;
}

/* True when the kernel knows a mapping of the page. */
static bool is_mapped(char *mem)
{
    unsigned char in_core;

    return mincore(mem, 1, &in_core) == 0;
}

static void fail_from(enum os_call call, size_t at, bool all_after)
{
    os_fault =
        (struct os_fault){.call = call, .at = at, .all_after = all_after};
}

static void touch_first(void *mem)
{
    *(volatile char *)mem = 1;
}

TEST(os_mem, page_size_is_a_power_of_two_from_4_to_64_kib)
{
    CHECK(is_pow2(os_page_size()));
    CHECK(os_page_size() >= 4096 && os_page_size() <= 65536);
    CHECK_EQ(os_page_size(), sysconf(_SC_PAGESIZE));
}

TEST(os_mem, mapped_memory_is_zeroed_and_writable)
{
    char *mem = map_some();

    CHECK(is_filled(mem, 0, size));
    memset(mem, 0x5a, size);
    CHECK(is_filled(mem, 0x5a, size));
    CHECK(os_unmap(mem, size));
    CHECK(!is_mapped(mem));
}

static void touch_reserved(void *unused)
{
    char *mem = os_reserve(NULL, MIB);

    (void)unused;
    signal(SIGSEGV, SIG_DFL);
    touch_first(mem);
}

TEST(os_mem, reserved_memory_cannot_be_touched)
{
    int status = test_child(touch_reserved, NULL, NULL, 0);

    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(os_mem, committed_memory_is_zeroed_and_writable)
{
    char *mem = os_reserve(NULL, MIB);

    REQUIRE(mem != NULL);
    CHECK(os_commit(mem + MIB / 2, MIB / 4));
    CHECK(is_filled(mem + MIB / 2, 0, MIB / 4));
    memset(mem + MIB / 2, 1, MIB / 4);
    CHECK(os_unmap(mem, MIB));
}

static void touch_readonly(void *unused)
{
    char *mem = os_reserve(NULL, MIB);

    (void)unused;
    signal(SIGSEGV, SIG_DFL);
    CHECK(os_commit_readonly(mem, MIB));
    CHECK(is_filled(mem, 0, MIB));
    touch_first(mem);
}

TEST(os_mem, readonly_memory_reads_zero_and_cannot_be_written)
{
    int status = test_child(touch_readonly, NULL, NULL, 0);

    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(os_mem, reserve_takes_the_hint_when_it_is_free)
{
    char *mem = map_some();

    CHECK(os_unmap(mem, size));
    CHECK(os_reserve(mem, size) == mem);
    CHECK(os_unmap(mem, size));
}

TEST(os_mem, reserve_goes_elsewhere_when_the_hint_is_taken)
{
    char *mem = map_some();

    memset(mem, 3, size);
    char *other = os_reserve(mem, size);
    CHECK(other != NULL && other != mem);
    CHECK(is_filled(mem, 3, size));
    CHECK(os_unmap(other, size) && os_unmap(mem, size));
}

TEST(os_mem, absurd_sizes_fail)
{
    CHECK(os_map((size_t)1 << 62) == NULL);
    CHECK(os_reserve(NULL, (size_t)1 << 62) == NULL);
}

TEST(os_mem, purged_memory_reads_zero_and_keeps_its_address)
{
    char *mem = map_some();
    size_t page = os_page_size();

    memset(mem, 7, size);
    CHECK(os_purge(mem + page, 2 * page));
    CHECK(is_filled(mem, 7, page));
    CHECK(is_filled(mem + page, 0, 2 * page));
    CHECK(is_filled(mem + 3 * page, 7, size - 3 * page));
    CHECK(os_unmap(mem, size));
}

TEST(os_mem, remap_keeps_the_contents)
{
    char *mem = map_some();

    memset(mem, 9, size);
    char *more = os_remap(mem, size, 4 * size, true);
    REQUIRE(more != NULL);
    CHECK(is_filled(more, 9, size));
    CHECK(is_filled(more + size, 0, 3 * size));
    char *less = os_remap(more, 4 * size, os_page_size(), false);
    CHECK(less == more);
    CHECK(is_filled(less, 9, os_page_size()));
    CHECK(os_unmap(less, os_page_size()));
}

TEST(os_mem, remap_that_may_not_move_fails_before_a_neighbour)
{
    char *mem = map_some();

    /* The first half grows into the second. */
    memset(mem, 9, size);
    CHECK(os_remap(mem, size / 2, size, false) == NULL);
    CHECK(is_filled(mem, 9, size));
    CHECK(os_unmap(mem, size));
}

TEST_CHILD(os_mem, the_break_moves_up_and_down)
{
    char *now = os_brk_current();

    os_fault = (struct os_fault){.at = 0};
    REQUIRE(now != NULL);
    CHECK(os_brk_move(65536) == now);
    CHECK(os_brk_current() == now + 65536);
    CHECK(is_filled(now, 0, 65536));
    memset(now, 1, 65536);
    CHECK(sbrk(0) == now + 65536);
    CHECK(os_brk_move(-65536) == now + 65536);
    CHECK(os_brk_current() == now);
}

TEST(os_mem, calls_are_counted_by_kind)
{
    size_t before[OS_NCALLS];

    for (unsigned i = 0; i < OS_NCALLS; i++)
        before[i] = os_call_count((enum os_call)i);
    char *mem = map_some();
    os_purge(mem, size);
    os_commit(mem, size);
    os_unmap(mem, size);
    CHECK_EQ(os_call_count(OS_MMAP) - before[OS_MMAP], 1);
    CHECK_EQ(os_call_count(OS_MADVISE) - before[OS_MADVISE], 1);
    CHECK_EQ(os_call_count(OS_MPROTECT) - before[OS_MPROTECT], 1);
    CHECK_EQ(os_call_count(OS_MUNMAP) - before[OS_MUNMAP], 1);
    CHECK_EQ(os_call_count(OS_MREMAP) - before[OS_MREMAP], 0);
    CHECK_EQ(os_call_count(OS_BRK) - before[OS_BRK], 0);
}

/* One call of that kind that would succeed; true if it did. */
static bool one_call(enum os_call call, char *mem)
{
    switch (call) {
    case OS_MMAP: {
        void *fresh = os_map(os_page_size());
        if (fresh != NULL)
            munmap(fresh, os_page_size());
        return fresh != NULL;
    }
    case OS_MUNMAP: {
        void *other = mmap(NULL, os_page_size(), PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bool done = os_unmap(other, os_page_size());
        CHECK_EQ(is_mapped(other), !done);
        if (!done)
            munmap(other, os_page_size());
        return done;
    }
    case OS_MREMAP:
        return os_remap(mem, size, size, false) != NULL;
    case OS_MPROTECT:
        return os_commit(mem, size);
    case OS_MADVISE:
        memset(mem, 1, size);
        bool purged = os_purge(mem, size);
        CHECK(is_filled(mem, purged ? 0 : 1, size));
        return purged;
    case OS_BRK:
    case OS_NCALLS:
        break;
    }
    return os_brk_move(0) != NULL;
}

TEST(os_mem, the_nth_call_of_a_kind_fails_and_no_other)
{
    char *mem = map_some();

    for (unsigned call = 0; call < OS_NCALLS; call++) {
        for (size_t n = 1; n <= 3; n++) {
            fail_from((enum os_call)call, n, false);
            for (size_t i = 1; i <= 5; i++)
                CHECK_EQ(one_call((enum os_call)call, mem), i != n);
        }
    }
    os_fault = (struct os_fault){.at = 0};
    CHECK(os_unmap(mem, size));
}

TEST(os_mem, all_calls_after_the_nth_fail_when_asked)
{
    char *mem = map_some();

    for (unsigned call = 0; call < OS_NCALLS; call++) {
        fail_from((enum os_call)call, 2, true);
        for (size_t i = 1; i <= 5; i++)
            CHECK_EQ(one_call((enum os_call)call, mem), i < 2);
    }
    os_fault = (struct os_fault){.at = 0};
    CHECK(os_unmap(mem, size));
}

TEST(os_mem, a_fault_of_one_kind_leaves_the_others)
{
    char *mem = map_some();

    for (unsigned failing = 0; failing < OS_NCALLS; failing++) {
        fail_from((enum os_call)failing, 1, true);
        for (unsigned call = 0; call < OS_NCALLS; call++)
            CHECK_EQ(one_call((enum os_call)call, mem), call != failing);
    }
    os_fault = (struct os_fault){.at = 0};
    CHECK(os_unmap(mem, size));
}

TEST(os_mem, errno_is_never_touched)
{
    char *mem = map_some();

    errno = 77;
    CHECK(os_map((size_t)1 << 62) == NULL);
    os_brk_move(INTPTR_MAX);
    os_commit(mem + 1, 1);
    os_purge(mem + 1, 1);
    os_remap(mem + 1, 1, 1, false);
    os_unmap(mem + 1, 1);
    os_advise_hugepage(mem + 1, 1);
    os_name(mem, size, "liballoc test");
    CHECK_EQ(errno, 77);
    CHECK(os_unmap(mem, size));
}

TEST(os_mem, time_never_runs_backward)
{
    uint64_t last = os_time_ms();

    CHECK(last > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = os_time_ms();
        CHECK(now >= last);
        last = now;
    }
}
