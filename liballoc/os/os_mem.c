/* SPDX-License-Identifier: MIT */
#include "os/os_mem.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/compiler.h"
#include "base/config.h"
#include "base/debug.h"
#include "base/syscall.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#    define MADV_GUARD_INSTALL 102
#    define MADV_GUARD_REMOVE  103
#endif
#ifndef PR_SET_VMA
#    define PR_SET_VMA           0x53564d41
#    define PR_SET_VMA_ANON_NAME 0
#endif

struct os_fault os_fault;
static _Atomic size_t calls[OS_NCALLS];

/* Counts the call; true if a test wants it to fail. */
static bool os_should_fail(enum os_call call)
{
    /* stale ok: a statistic */
    add_relaxed(&calls[call], 1);
    if (LIKELY(os_fault.at == 0) ||
        (os_fault.call != call && os_fault.call != OS_NCALLS))
        return false;
    os_fault.seen++;
    return os_fault.all_after ? os_fault.seen >= os_fault.at
                              : os_fault.seen == os_fault.at;
}

size_t os_call_count(enum os_call call)
{
    /* stale ok: a statistic */
    return load_relaxed(&calls[call]);
}

size_t os_page_size(void)
{
    static size_t size; /* set to the same value by whoever comes first */

    if (config_page_size != 0)
        return config_page_size;
    if (UNLIKELY(size == 0))
        size = getauxval(AT_PAGESZ) != 0 ? getauxval(AT_PAGESZ) : 4096;
    return size;
}

/* Contract 1: what a kernel with larger pages would refuse, or round up and
   so do to more than was meant. */
static void check_whole_pages(const void *addr, size_t size)
{
    if (config_page_size != 0 &&
        (((uintptr_t)addr | size) & (config_page_size - 1)) != 0)
        fatal("not whole pages", addr);
}

/* As a kernel with larger pages places it: the surplus is cut off. */
static long map_aligned(size_t size, int prot, int flags)
{
    size_t page = config_page_size;
    long at = syscall6(SYS_mmap, 0, (long)(size + page), prot, flags, -1, 0);

    if (at < 0 && at > -4096)
        return at;
    long start = (long)round_up((uintptr_t)at, page);
    if (start > at)
        syscall3(SYS_munmap, at, start - at, 0);
    syscall3(SYS_munmap, start + (long)size, at + (long)page - start, 0);
    return start;
}

/* The kernel's mmap of private anonymous memory; NULL on failure. */
static void *map_anonymous(void *hint, size_t size, int prot, int flags)
{
    if (os_should_fail(OS_MMAP))
        return NULL;
    check_whole_pages(hint, size);
    flags |= MAP_PRIVATE | MAP_ANONYMOUS;
    long at =
        config_page_size != 0 && hint == NULL
            ? map_aligned(size, prot, flags)
            : syscall6(SYS_mmap, (long)hint, (long)size, prot, flags, -1, 0);
    return at < 0 && at > -4096 ? NULL : (void *)at;
}

/* Debuggers that dump a live process write out whatever is mapped, reserved
   or not: hundreds of GiB.  A refusal costs only that. */
static void dump(void *addr, size_t size, bool wanted)
{
    syscall3(SYS_madvise, (long)addr, (long)size,
             wanted ? MADV_DODUMP : MADV_DONTDUMP);
}

void *os_reserve(void *hint, size_t size)
{
    void *at = map_anonymous(hint, size, PROT_NONE, MAP_NORESERVE);

    if (at != NULL)
        dump(at, size, false);
    return at;
}

void *os_map(size_t size)
{
    return map_anonymous(NULL, size, PROT_READ | PROT_WRITE, 0);
}

static bool protect(void *addr, size_t size, int prot)
{
    check_whole_pages(addr, size);
    if (os_should_fail(OS_MPROTECT))
        return false;
    return syscall3(SYS_mprotect, (long)addr, (long)size, prot) == 0;
}

bool os_commit(void *addr, size_t size)
{
    if (!protect(addr, size, PROT_READ | PROT_WRITE))
        return false;
    dump(addr, size, true);
    return true;
}

bool os_commit_readonly(void *addr, size_t size)
{
    return protect(addr, size, PROT_READ);
}

bool os_forbid(void *addr, size_t size)
{
    return protect(addr, size, PROT_NONE);
}

bool os_guard(void *addr, size_t size)
{
    if (!os_should_fail(OS_MADVISE) &&
        syscall3(SYS_madvise, (long)addr, (long)size, MADV_GUARD_INSTALL) == 0)
        return true;
    return os_forbid(addr, size);
}

bool os_unguard(void *addr, size_t size)
{
    if (os_should_fail(OS_MADVISE))
        return false;
    return syscall3(SYS_madvise, (long)addr, (long)size, MADV_GUARD_REMOVE) ==
           0;
}

bool os_unmap(void *addr, size_t size)
{
    check_whole_pages(addr, size);
    if (os_should_fail(OS_MUNMAP))
        return false;
    return syscall3(SYS_munmap, (long)addr, (long)size, 0) == 0;
}

/* Moves to a place that map_aligned() found. */
static void *remap_aligned(void *addr, size_t old_size, size_t new_size,
                           bool may_move)
{
    long at = syscall6(SYS_mremap, (long)addr, (long)old_size, (long)new_size,
                       0, 0, 0);

    if (at > 0 || !may_move)
        return at > 0 ? (void *)at : NULL;
    at = map_aligned(new_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
    if (at > 0)
        at = syscall6(SYS_mremap, (long)addr, (long)old_size, (long)new_size,
                      MREMAP_MAYMOVE | MREMAP_FIXED, at, 0);
    return at > 0 ? (void *)at : NULL;
}

void *os_remap(void *addr, size_t old_size, size_t new_size, bool may_move)
{
    if (os_should_fail(OS_MREMAP))
        return NULL;
    check_whole_pages(addr, old_size | new_size);
    if (config_page_size != 0)
        return remap_aligned(addr, old_size, new_size, may_move);
    long at = syscall6(SYS_mremap, (long)addr, (long)old_size, (long)new_size,
                       may_move ? MREMAP_MAYMOVE : 0, 0, 0);
    return at < 0 && at > -4096 ? NULL : (void *)at;
}

bool os_purge(void *addr, size_t size)
{
    check_whole_pages(addr, size);
    if (os_should_fail(OS_MADVISE))
        return false;
    return syscall3(SYS_madvise, (long)addr, (long)size, MADV_DONTNEED) == 0;
}

void os_advise_hugepage(void *addr, size_t size)
{
    if (!os_should_fail(OS_MADVISE))
        syscall3(SYS_madvise, (long)addr, (long)size, MADV_HUGEPAGE);
}

void os_name(void *addr, size_t size, const char *name)
{
    syscall6(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, (long)addr,
             (long)size, (long)name, 0);
}

/*
 * The break moves through libc: its own idea of the break must stay true, or
 * a foreign sbrk() would move it below ours.  errno is kept.
 */
static void *libc_sbrk(intptr_t delta)
{
    int saved = errno;
    void *at = sbrk(delta);

    errno = saved;
    return (intptr_t)at == -1 ? NULL : at;
}

void *os_brk_current(void)
{
    static bool is_placed; /* stale ok: before the second thread */
    void *now = libc_sbrk(0);
    size_t odd = (uintptr_t)now & (os_page_size() - 1);

    /* A kernel with larger pages would have begun at a multiple. */
    if (config_page_size != 0 && !is_placed && now != NULL && odd != 0 &&
        libc_sbrk((intptr_t)(config_page_size - odd)) != NULL)
        now = libc_sbrk(0);
    is_placed = true;
    return now;
}

void *os_brk_move(intptr_t delta)
{
    if (os_should_fail(OS_BRK))
        return NULL;
    return libc_sbrk(delta);
}

uint64_t os_time_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
