/* SPDX-License-Identifier: MIT */
#ifndef EXPLORE_SHIM_SYSCALL_H
#define EXPLORE_SHIM_SYSCALL_H
/*
 * System calls of the explored liballoc go to the explorer's kernel: futexes
 * and membarrier are scheduling points there, mappings come at the same
 * addresses in every run.  The real ones keep their names with `real_`.
 */
#define syscall3 real_syscall3
#define syscall6 real_syscall6
#include "../../../../liballoc/base/syscall.h"
#undef syscall3
#undef syscall6

#include "explore.h"

static inline long syscall6(long nr, long a, long b, long c, long d, long e,
                            long f)
{
    return explore_syscall(nr, (const long[]){a, b, c, d, e, f});
}

static inline long syscall3(long nr, long a, long b, long c)
{
    return syscall6(nr, a, b, c, 0, 0, 0);
}

#endif
