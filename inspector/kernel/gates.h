/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_GATES_H
#define KERNEL_GATES_H
/*
 * What stands between us and the memory of a process: the checks that the
 * kernel makes (ptrace_may_access() and around), one by one, by what can be
 * seen of them from here.
 */
#include <stdbool.h>
#include <sys/types.h>

enum gate_state {
    GATE_OPEN,
    GATE_SHUT,
    GATE_UNKNOWN, /* cannot be seen from here */
};

struct gate {
    const char *name; /* "uid", "dumpable", ... */
    enum gate_state state;
    char detail[200]; /* what was found */
};

enum { GATES_MAX = 16 };

/* Fills gates[GATES_MAX]; how many. */
size_t gates_look(pid_t pid, struct gate *gates);

#endif
