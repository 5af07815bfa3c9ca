/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_UNWIND_LEARN_H
#define LIBALLOC_PROF_UNWIND_LEARN_H
/*
 * The part that libunwind does.  Layer: prof.  Protected by: the unwinder's
 * owner; libunwind itself may be entered by several threads.
 */
#include "prof/unwinder.h"

/* Loads it; false: there is none, or no _dl_find_object().  May allocate. */
bool learn_init(void);

/* How to leave the frame; `at` is its pc, or the last byte of its call. */
struct rule learn_rule(struct unwinder *unwinder,
                       const struct unwind_object *object, uintptr_t at);

/* Leaves the frame with all registers; for unwinders that are `full`. */
enum step learn_step(struct unwinder *unwinder,
                     const struct unwind_object *object, uintptr_t at);

/* Leaves the frame of a signal handler's caller: RULE_SIGNAL. */
enum step learn_signal(struct unwinder *unwinder);

#endif
