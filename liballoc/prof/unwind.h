/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_UNWIND_H
#define LIBALLOC_PROF_UNWIND_H
/*
 * The stack of the calling thread.  Layer: prof.
 */
#include "layout/prof.h"

#include <stdbool.h>

bool unwind_init(void);
enum prof_unwinder unwind_kind(void);
unsigned unwind_stack(uintptr_t *pcs, unsigned max, unsigned skip);

#endif
