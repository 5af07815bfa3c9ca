/* SPDX-License-Identifier: MIT */
#ifndef FAULT_EVERY_CALL_H
#define FAULT_EVERY_CALL_H
/*
 * What the sweeps share with their children.
 */
#include "os/os_mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TOTALS_FD = 100 };

/* In shared memory.  One child at a time writes. */
struct totals {
    size_t runs;
    size_t failed_calls;
    size_t failures;  /* children that did not end well */
    bool was_reached; /* by the last child: the n-th call */
    size_t live;      /* of the reference run */
    size_t vmas;
};
extern struct totals *totals;

/* Waits for it; false, and a line, unless it ended with 0. */
bool run_succeeded(pid_t child, const char *name, const struct os_fault *fault);

/* Sweeps the start of the library, by programs that run start_run(). */
void sweep_start(const char *program);
int start_run(void);

#endif
