/* SPDX-License-Identifier: MIT */
#ifndef TARGET_THREADS_H
#define TARGET_THREADS_H
/* The registers of every thread: of a process that is held, of a core. */
#include "target/target.h"

enum { THREAD_WORDS = 128 };

struct target_thread {
    pid_t tid;
    bool known;    /* its registers were had; else all below is 0 */
    uintptr_t sp;  /* stack pointer */
    uintptr_t tp;  /* thread pointer */
    size_t nwords; /* registers: general, then vector ones */
    uint64_t words[THREAD_WORDS];
};

/* Allocated: free it.  *count 0: none are known. */
struct target_thread *target_threads(struct target *target, size_t *count);

/* False: a snapshot that was taken without the program's bytes. */
bool target_has_content(const struct target *target);

#endif
