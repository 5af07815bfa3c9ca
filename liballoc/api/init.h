/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_API_INIT_H
#define LIBALLOC_API_INIT_H
/*
 * Start of the library, at the first call that needs the slow path: before
 * any constructor, possibly before libc is set up.  Layer: api.
 */
#include "base/compiler.h"

#include <stdbool.h>

enum init_state {
    INIT_NONE,
    INIT_RUNNING,
    INIT_DONE,
    INIT_FAILED, /* no memory at all: every request fails, and tries again */
};
extern HIDDEN _Atomic int init_state;

/* True when the library is usable. */
bool init_slow(void);

bool init_done(void);

/* Registers the fork handlers; needs a working malloc. */
void fork_init(void);

/* Waits for the signal that asks for a snapshot, if one is set. */
void snapshot_init(void);

/* Starts the profile, or waits for its signal, as the tunables say. */
void prof_init(void);

/* Looks for leaks at exit, as the tunables say. */
void leak_check_init(void);

/* Entry of every slow path: makes sure that the library has started. */
static inline bool init_check(void)
{
    return LIKELY(init_done()) || init_slow();
}

#endif
