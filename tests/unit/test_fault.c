/* SPDX-License-Identifier: MIT */
/*
 * Fault sweeps: the n-th system call of each kind fails, for every n that a
 * small program reaches.  Never a crash: each request gets memory or NULL,
 * and all works once the kernel is generous again.
 */
#include "unit_heap.h"

#include "heap/run.h"

/* Each of the first calls, then every fifth: fault/every_call tries all. */
enum { SLOTS = 40, N_MAX = 60, N_EACH = 8, N_STEP = 5 };

static const size_t sizes[] = {1,      24,      100,     1024,    3000,
                               5000,   20000,   100000,  262144,  300000,
                               900000, 4500000, 9000000, 70000000};

/* What one child tries. */
struct sweep {
    enum os_call call;
    size_t n;
    bool all_after;
    bool classic;
};

static unsigned char *slots[SLOTS];

static void touch(unsigned char *mem, size_t size, int value)
{
    if (mem == NULL || size == 0)
        return;
    CHECK(usable(mem) >= size);
    mem[0] = (unsigned char)value;
    mem[size - 1] = (unsigned char)value;
}

static void workload(bool must_succeed)
{
    for (size_t i = 0; i < SLOTS; i++) {
        size_t size = sizes[i % ARRAY_SIZE(sizes)];
        slots[i] = i % 5 == 4 ? heap_alloc_aligned(size, (size_t)64 << i % 9)
                              : get(size);
        CHECK(slots[i] != NULL || !must_succeed);
        touch(slots[i], size, (int)i);
    }
    for (size_t i = 0; i < SLOTS; i += 2) {
        size_t size = sizes[(i + 3) % ARRAY_SIZE(sizes)];
        unsigned char *moved =
            slots[i] != NULL ? heap_realloc(slots[i], size) : NULL;
        if (moved != NULL) {
            CHECK_EQ(moved[0], i);
            touch(moved, size, (int)i);
            slots[i] = moved;
        }
    }
    heap_trim(0);
    for (size_t i = 0; i < SLOTS; i++) {
        CHECK(slots[i] == NULL || slots[i][0] == i);
        if (slots[i] != NULL)
            heap_free(slots[i]);
    }
    heap_trim(0);
}

/* True when the workload got as far as the n-th call. */
static bool sweep_reached;

static void sweep_child(void *arg)
{
    const struct sweep *sweep = arg;

    if (sweep->classic) {
        tunables.slab_max = 0;
        tunables.mmap_threshold = 128 * KIB;
    }
    tunables.mmap_cache = sweep->n % 2 == 0 ? 0 : tunables.mmap_cache;
    fault(sweep->call, sweep->n, sweep->all_after);
    bool started = heap_try_start();
    if (started) {
        workload(false);
        check_heap(thread_own);
    }
    bool reached = os_fault.seen >= sweep->n;
    fault_none();
    if (!started) {
        zone_count = 0;
        memset(&zones[0], 0, sizeof(zones[0]));
        heap_start();
    }
    workload(true);
    check_heap(thread_own);
    /* Exit status 2 tells the parent that there is no more to sweep. */
    if (atomic_load(&test_state.failures) == 0 && !reached)
        _exit(2);
}

static void sweep_kind(enum os_call call, bool all_after, bool classic)
{
    for (size_t n = 1; n <= N_MAX; n += n < N_EACH ? 1 : N_STEP) {
        struct sweep sweep = {call, n, all_after, classic};
        int status = test_child(sweep_child, &sweep, NULL, 0);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
            return;
        sweep_reached = true;
        if (status != 0)
            TEST_FAILED("call %d, n = %zu%s%s: wait status %d", (int)call, n,
                        all_after ? " and after" : "",
                        classic ? ", classic" : "", status);
    }
}

static void sweep_all(enum os_call call)
{
    sweep_reached = false;
    for (int i = 0; i < 4; i++)
        sweep_kind(call, i % 2 != 0, i / 2 != 0);
    CHECK(sweep_reached);
}

TEST(fault, every_mmap_may_fail)
{
    sweep_all(OS_MMAP);
}

TEST(fault, every_munmap_may_fail)
{
    sweep_all(OS_MUNMAP);
}

TEST(fault, every_mremap_may_fail)
{
    sweep_all(OS_MREMAP);
}

TEST(fault, every_mprotect_may_fail)
{
    sweep_all(OS_MPROTECT);
}

TEST(fault, every_madvise_may_fail)
{
    sweep_all(OS_MADVISE);
}

TEST(fault, every_brk_may_fail)
{
    sweep_all(OS_BRK);
}
