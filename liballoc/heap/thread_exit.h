/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_THREAD_EXIT_H
#define LIBALLOC_HEAP_THREAD_EXIT_H
/*
 * What happens to a thread's heap when the thread ends.
 *
 *   destructor runs -> batches sent -> heap to the idle stack
 *
 * Other destructors may allocate after ours, and libc frees the thread's TLS
 * blocks last of all: from our destructor on the thread has "ended", and what
 * it still allocates comes from the shared heap, under its lock.  (Taking a
 * heap again and hoping for another round of destructors would leak it where
 * there is none.)
 * Layer: heap.
 */
#include "layout/heap.h"

#include <stdbool.h>

/* Once, before the first heap_get(). */
void thread_exit_init(void);

/* Lets the heap be retired when the calling thread ends. */
void thread_exit_arm(struct heap *heap);

/* True when the calling thread's heap was retired for good. */
bool thread_has_ended(void);

/* Puts the heap on the idle stack (registry.c). */
void registry_retire(struct heap *heap);

#endif
