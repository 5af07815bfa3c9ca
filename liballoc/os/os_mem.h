/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_OS_OS_MEM_H
#define LIBALLOC_OS_OS_MEM_H
/*
 * Memory from the kernel: the contract that all above rely on.
 * Layer: os.  Locks: none.  errno is never touched.
 *
 *  1. Addresses and sizes are multiples of os_page_size().
 *  2. Fresh memory reads as zero.  So does purged memory.
 *  3. Every call may fail (ENOMEM, EAGAIN under mlockall, EPERM or ENOSYS
 *     under seccomp).  A failed call changed nothing.
 *  4. No call is a cancellation point, none allocates from us.
 *  5. Calls are counted (os_calls), and tests make any of them fail
 *     (os_fault).
 */
#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum os_call {
    OS_MMAP,
    OS_MUNMAP,
    OS_MREMAP,
    OS_MPROTECT,
    OS_MADVISE,
    OS_BRK,
    OS_NCALLS,
};

/*
 * Fault injection, for tests: call number `at` (from 1) of `call` fails, or,
 * with `all_after`, every one from there on.  OS_NCALLS: a call of any kind.
 * at = 0: none.
 */
struct os_fault {
    enum os_call call;
    size_t at;
    bool all_after;
    size_t seen; /* calls counted so far */
};
extern HIDDEN struct os_fault os_fault;

/* Memory system calls so far, by kind. */
size_t os_call_count(enum os_call call);

/* Bytes; 4, 16 or 64 KiB. */
size_t os_page_size(void);

/* Address space without memory, at `hint` if free, left out of core dumps; NULL
   on failure. */
void *os_reserve(void *hint, size_t size);

/* Zeroed memory, readable and writable; NULL on failure. */
void *os_map(size_t size);

/* Makes part of a reservation usable, and dumped; false: unchanged. */
bool os_commit(void *addr, size_t size);

/* Makes part of a reservation readable only: reads zero, costs nothing. */
bool os_commit_readonly(void *addr, size_t size);

/* Nobody may touch it until os_commit(); false: unchanged. */
bool os_forbid(void *addr, size_t size);

/*
 * The same for as long as it is mapped, without splitting the mapping where
 * the kernel can do that (MADV_GUARD_INSTALL, Linux 6.13).
 */
bool os_guard(void *addr, size_t size);

/* Undoes it; false, or no effect where os_guard() had to split the mapping. */
bool os_unguard(void *addr, size_t size);

/* False: still mapped. */
bool os_unmap(void *addr, size_t size);

/* Grows, shrinks or moves a mapping of its own; NULL: unchanged. */
void *os_remap(void *addr, size_t old_size, size_t new_size, bool may_move);

/* Gives the memory back and keeps the addresses; false: contents kept. */
bool os_purge(void *addr, size_t size);

/* Asks for huge pages; a hint, its failure means nothing. */
void os_advise_hugepage(void *addr, size_t size);

/* Names a mapping in /proc/PID/maps where the kernel can. */
void os_name(void *addr, size_t size, const char *name);

/* The program break, NULL if it is of no use. */
void *os_brk_current(void);

/* Moves it by `delta`; the former break, or NULL: unchanged. */
void *os_brk_move(intptr_t delta);

/* Coarse monotonic time; about 4 ms steps. */
uint64_t os_time_ms(void);

#endif
