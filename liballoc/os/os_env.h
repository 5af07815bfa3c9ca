/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_OS_OS_ENV_H
#define LIBALLOC_OS_OS_ENV_H
/*
 * What the kernel told the process at its start, and small facts about the
 * machine.  Layer: os.  Nothing here allocates, locks or touches errno.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum os_thp {
    OS_THP_NEVER,
    OS_THP_MADVISE,
    OS_THP_ALWAYS,
};

/* True in setuid and the like: no environment may change our ways. */
bool os_is_secure(void);

/* environ, or NULL so early that libc has not set it. */
char **os_environment(void);

/* 64 secret bits, the same for the whole process. */
uint64_t os_random(void);

/* The machine's transparent huge page mode; read anew on each call. */
enum os_thp os_thp_mode(void);

/* The kernel's thread id. */
uint32_t os_tid(void);

/* Soft limit on address space in bytes; SIZE_MAX if there is none. */
size_t os_address_limit(void);

/* Processors this process may run on, at least 1. */
unsigned os_cpu_count(void);

#endif
