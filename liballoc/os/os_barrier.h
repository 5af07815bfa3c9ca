/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_OS_OS_BARRIER_H
#define LIBALLOC_OS_OS_BARRIER_H
/*
 * membarrier(2): a full memory barrier on every CPU that runs a thread of
 * this process, so that the other side of a protocol needs none.
 * Layer: os.
 */
#include "base/compiler.h"

#include <stdbool.h>

/* False where the kernel refuses: then both sides must use fences.
   Immutable after init. */
extern HIDDEN bool os_membarrier_works;

/* Registers the process; once, at start. */
void os_membarrier_init(void);

/* The barrier; a fence of this CPU alone where it does not work. */
void os_membarrier(void);

#endif
