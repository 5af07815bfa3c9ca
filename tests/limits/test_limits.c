/* SPDX-License-Identifier: MIT */
/*
 * Programs under limits: each case sets one in a child, which then becomes
 * `work` (work.c), preloaded as this program is.
 *
 * Two need root and change the whole machine for a second; they run only with
 * TEST_SYSCTL=1 (scripts/soak): vm.overcommit_memory=2, vm.max_map_count=4096.
 * What CI has instead: RLIMIT_DATA, which charges the same private writable
 * memory at the same calls, and a process that used up all its mappings but
 * 4096.
 */
#include "black_box.h"
#include "limits.h"
#include "test.h"

#include <sys/resource.h>

static void work_under(void (*set)(void *arg), void *arg, const char *verb,
                       const char *bytes)
{
    work_judge(work_status(set, arg, verb, bytes), verb, bytes);
}

static void limit_set(int resource, rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};

    if (setrlimit((__rlimit_resource_t)resource, &limit) != 0) {
        _exit(CANNOT);
    }
}

static void limit_as(void *bytes)
{
    limit_set(RLIMIT_AS, *(rlim_t *)bytes);
}

static void limit_data(void *bytes)
{
    limit_set(RLIMIT_DATA, *(rlim_t *)bytes);
}

static void limit_memlock(void *bytes)
{
    limit_set(RLIMIT_MEMLOCK, *(rlim_t *)bytes);
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        _exit(CANNOT);
    }
}

TEST(limits, address_space_of_64_mib)
{
    rlim_t bytes = 64 * MIB;
    work_under(limit_as, &bytes, "fill", "0x40000000");
}

TEST(limits, address_space_that_ends_at_run_time)
{
    work_under(NULL, NULL, "as", "0x4000000");
}

TEST(limits, data_of_32_mib)
{
    rlim_t bytes = 32 * MIB;
    work_under(limit_data, &bytes, "fill", "0x40000000");
}

TEST(limits, break_blocked_by_a_mapping)
{
    work_under(NULL, NULL, "brk", "0x4000000");
}

TEST(limits, foreign_sbrk_in_between)
{
    work_under(NULL, NULL, "sbrk", "0x4000000");
}

TEST(limits, mappings_4096)
{
    work_under(NULL, NULL, "maps", "4096");
}

TEST(limits, mappings_none)
{
    work_under(NULL, NULL, "maps", "4");
}

/* Privileged: the limit does not count, pages cannot be purged. */
TEST(limits, mlockall_with_privilege)
{
    if (getuid() != 0) {
        SKIP("not root");
    }
    work_under(NULL, NULL, "lock-all", "0x2000000");
}

/*
 * MCL_CURRENT would count the reservation: see docs/reliability.md.  Under
 * MCL_FUTURE each new mapping counts.
 */
TEST(limits, mlockall_of_the_future_with_8_mib)
{
    rlim_t bytes = 8 * MIB;
    work_under(limit_memlock, &bytes, "lock-future", "0x4000000");
}

TEST(limits, seccomp_denies_madvise_and_mremap_with_eperm)
{
    int error = EPERM;
    work_under(deny_madvise_and_mremap, &error, "fill", "0x4000000");
}

TEST(limits, seccomp_denies_madvise_and_mremap_with_enosys)
{
    int error = ENOSYS;
    work_under(deny_madvise_and_mremap, &error, "fill", "0x4000000");
}

/* The kernel kills at the limit, so the work stays below: 48 of 64 MiB. */
TEST(limits, cgroup_memory_of_64_mib)
{
    struct group group;
    const char *why = group_make(&group, 64 * MIB);

    if (why != NULL) {
        SKIP(why);
    }
    int status = work_status(group_enter, &group, "live", "0x3000000");
    group_remove(&group);
    work_judge(status, "live", "0x3000000");
}

/* `path` gets `text` until the case ends, however it ends. */
static void with_sysctl(const char *path, const char *text, const char *verb,
                        const char *bytes)
{
    int guard[2];

    if (getenv("TEST_SYSCTL") == NULL) {
        SKIP("it changes the whole machine: TEST_SYSCTL=1 allows it");
    }
    if (access(path, W_OK) != 0 || pipe(guard) != 0) {
        SKIP("the sysctl is not ours to write");
    }
    if (!sysctl_guard(path, guard)) {
        SKIP("nobody could put it back");
    }
    REQUIRE(file_write(path, text));
    int status = work_status(NULL, NULL, verb, bytes);
    sysctl_end(guard);
    work_judge(status, verb, bytes);
}

TEST(limits, overcommit_never)
{
    with_sysctl("/proc/sys/vm/overcommit_memory", "2", "fill", "0x20000000");
}

TEST(limits, max_map_count_4096)
{
    with_sysctl("/proc/sys/vm/max_map_count", "4096", "fill", "0x20000000");
}
