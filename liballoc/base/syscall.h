/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_SYSCALL_H
#define LIBALLOC_BASE_SYSCALL_H
/*
 * Raw system calls: the result is the kernel's, -errno on failure.  libc's
 * wrappers are not used: they set errno, and programs interpose them (a
 * preloaded mmap() that calls dlsym() would re-enter malloc).
 * Layer: base.  x86-64 and aarch64.
 */
#include "base/compiler.h"

#include <stdint.h>
#include <sys/syscall.h>

/* Inlined without optimisation too: of a clone() that shares the stack, the
   child must not return from here before the parent does. */
ALWAYS_INLINE long syscall6(long nr, long a, long b, long c, long d, long e,
                            long f)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ __volatile__("syscall"
                         : "=a"(result)
                         : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
                           "r"(r9)
                         : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ __volatile__("svc #0"
                         : "+r"(x0)
                         : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                         : "memory");
    return x0;
#else
#    error "liballoc knows x86-64 and aarch64"
#endif
}

static inline long syscall3(long nr, long a, long b, long c)
{
    return syscall6(nr, a, b, c, 0, 0, 0);
}

#endif
