/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "os/os_barrier.h"
#include "os/os_env.h"

#include <sched.h>
#include <sys/auxv.h>
#include <sys/resource.h>

TEST(os_env, secure_is_what_the_kernel_said)
{
    CHECK_EQ(os_is_secure(), getauxval(AT_SECURE) != 0);
}

TEST(os_env, environment_is_environ)
{
    CHECK(os_environment() == environ);
}

TEST(os_env, random_is_the_same_all_along_and_not_the_raw_bytes)
{
    uint64_t raw;

    memcpy(&raw, (const void *)getauxval(AT_RANDOM), sizeof(raw));
    CHECK(os_random() == os_random());
    CHECK(os_random() != raw && os_random() != 0);
}

TEST(os_env, tid_is_the_kernels)
{
    CHECK_EQ(os_tid(), gettid());
}

TEST_CHILD(os_env, address_limit_follows_rlimit_as)
{
    struct rlimit limit;

    getrlimit(RLIMIT_AS, &limit);
    CHECK_EQ(os_address_limit(),
             limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : limit.rlim_cur);
    limit.rlim_cur = (rlim_t)3 << 30;
    if (setrlimit(RLIMIT_AS, &limit) == 0) {
        getrlimit(RLIMIT_AS, &limit); /* qemu-user keeps the old one */
        CHECK_EQ(os_address_limit(), limit.rlim_cur);
    }
}

TEST(os_env, cpu_count_follows_the_affinity)
{
    cpu_set_t set;

    REQUIRE(sched_getaffinity(0, sizeof(set), &set) == 0);
    CHECK_EQ(os_cpu_count(), CPU_COUNT(&set));
}

TEST(os_env, thp_mode_is_what_sysfs_says)
{
    char text[64] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");

    if (file != NULL) {
        if (fgets(text, sizeof(text), file) == NULL)
            text[0] = '\0';
        fclose(file);
    }
    enum os_thp want = strstr(text, "[always]") != NULL    ? OS_THP_ALWAYS
                       : strstr(text, "[madvise]") != NULL ? OS_THP_MADVISE
                                                           : OS_THP_NEVER;
    CHECK_EQ(os_thp_mode(), want);
}

TEST(os_env, nothing_touches_errno)
{
    errno = 77;
    (void)os_cpu_count();
    (void)os_address_limit();
    (void)os_thp_mode();
    (void)os_tid();
    os_membarrier_init();
    os_membarrier();
    CHECK_EQ(errno, 77);
}

TEST(os_env, membarrier_works_without_registration_too)
{
    os_membarrier_works = false;
    os_membarrier(); /* only a fence */
    os_membarrier_init();
    os_membarrier();
}
