/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_UNWIND_H
#define LIBALLOC_PROF_UNWIND_H
/*
 * The stack of the calling thread.
 * Layer: prof.
 *
 * libunwind explains a frame the first time its pc is seen; from then on a
 * rule does (unwinder.h).  libunwind is used as for another process, with
 * accessors of ours: its own way, dl_iterate_phdr(), takes the loader's lock,
 * which another thread may hold while it waits for one of our caller's.
 *
 * x86-64.  Elsewhere, without libunwind and without glibc's lock-free
 * _dl_find_object() (2.35), frame pointers are followed: right where everything
 * is compiled with them (-fno-omit-frame-pointer; the rule on aarch64), else
 * frames are missing.  With libunwind they are never guessed at: a rule that
 * goes by RBP comes from unwind tables.
 */
#include "layout/prof.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Loads libunwind: allocates, and waits for the loader's lock.  Only from a
 * constructor or a call of the user's.  False: frame pointers it is, which one
 * line on stderr says; unwind_stack() works either way.
 */
bool unwind_init(void);

enum prof_unwinder unwind_kind(void);

/*
 * The return addresses, innermost first, at most `max`; `skip` 0 begins with
 * the one into our caller, 1 with the one into its caller.  A pc that was
 * interrupted by a signal is one too high, so that pc - 1 lies in the code in
 * question for all.  Ends with 0 where no unwind data leads on: [unknown].
 * 0 frames: could not.
 *
 * One at a time, with all signals blocked.  Neither allocates nor faults; the
 * only locks are libunwind's own, of its remote part, with signals blocked.
 */
unsigned unwind_stack(uintptr_t *pcs, unsigned max, unsigned skip);

#endif
