/* SPDX-License-Identifier: MIT */
#include "os/os_env.h"

#include "base/syscall.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

bool os_is_secure(void)
{
    return getauxval(AT_SECURE) != 0;
}

char **os_environment(void)
{
    return environ;
}

uint64_t os_random(void)
{
    uint64_t words[2] = {0, 0};
    const void *bytes = (const void *)getauxval(AT_RANDOM);

    if (bytes != NULL)
        memcpy(words, bytes, sizeof words);
    /* libc draws its canary from the first word: mix, do not copy. */
    uint64_t mixed = words[0] * 0x9e3779b97f4a7c15u ^ words[1];
    mixed ^= mixed >> 29;
    return mixed * 0xbf58476d1ce4e5b9u;
}

enum os_thp os_thp_mode(void)
{
    static const char path[] = "/sys/kernel/mm/transparent_hugepage/enabled";
    char text[64];

    long fd = syscall6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC,
                       0, 0, 0);
    if (fd < 0)
        return OS_THP_NEVER;
    long n = syscall3(SYS_read, fd, (long)text, sizeof text - 1);
    syscall3(SYS_close, fd, 0, 0);
    text[n > 0 ? n : 0] = '\0';
    if (strstr(text, "[always]") != NULL)
        return OS_THP_ALWAYS;
    return strstr(text, "[madvise]") != NULL ? OS_THP_MADVISE : OS_THP_NEVER;
}

uint32_t os_tid(void)
{
    return (uint32_t)syscall3(SYS_gettid, 0, 0, 0);
}

size_t os_address_limit(void)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

    if (syscall6(SYS_prlimit64, 0, RLIMIT_AS, 0, (long)&limit, 0, 0) != 0 ||
        limit.rlim_cur == RLIM_INFINITY)
        return SIZE_MAX;
    return (size_t)limit.rlim_cur;
}

unsigned os_cpu_count(void)
{
    unsigned long mask[16] = {0};
    unsigned count = 0;

    long n = syscall3(SYS_sched_getaffinity, 0, sizeof mask, (long)mask);
    for (long i = 0; i < n / (long)sizeof mask[0]; i++)
        count += (unsigned)__builtin_popcountl(mask[i]);
    return count > 0 ? count : 1;
}
