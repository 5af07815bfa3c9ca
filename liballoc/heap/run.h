/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_RUN_H
#define LIBALLOC_HEAP_RUN_H
/*
 * Runs: large requests as whole pages of the zone, and no more of them than
 * needed: the tail of the block goes back.
 * Layer: heap.  Thread safe: runs have no owner.
 */
#include <stdbool.h>
#include <stddef.h>

/* `align`: a power of two.  *fresh: reads as zero.  NULL = no memory. */
void *run_alloc(size_t size, size_t align, bool *fresh);

/* Precondition: `mem` is the start of a live run. */
void run_release(void *mem);

/* Bytes of the run at `mem`; fatal if none starts there. */
size_t run_size(const void *mem);

/* Makes it `size` bytes in place; false: it stays as it is. */
bool run_resize(void *mem, size_t size);

#endif
