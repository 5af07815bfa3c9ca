/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_PROF_H
#define LIBALLOC_PROF_PROF_H
/*
 * The sampled heap profile, a layer around every block of the program:
 *
 *   malloc: bytes to the next sample -= size .. below zero? stack, side table
 *   free:   its page carries KIND_SAMPLED? out of the side table
 *
 * Off, no call comes here: the thread's own heap is in front.  On, for malloc
 * it is the dummy heap, so that each is counted; prof_fast.h then is the fast
 * path once more, with the counting.  free() is as fast as ever, but for pages
 * with samples.
 * Layer: prof.  Thread safe; errno is never touched.
 */
#include "base/atomic.h"
#include "layout/prof.h"

#include <stdbool.h>
#include <stddef.h>

/* Published by the root. */
extern struct prof profile __attribute__((visibility("hidden")));

/* Stale ok: allocations are being counted.  A late look misses a few. */
extern _Atomic bool prof_counts __attribute__((visibility("hidden")));

/* Stale ok: the same, and nothing but the profile keeps malloc() from its fast
   path; so prof_fast.h serves it. */
extern _Atomic bool prof_is_alone __attribute__((visibility("hidden")));

/* Stale ok: set before the first sample, which travels with its block. */
extern _Atomic bool prof_has_samples __attribute__((visibility("hidden")));

/*
 * Begins to sample one block in `period` bytes on average, in all threads at
 * once; when active already, only the period changes.  False: no memory.
 * Async-signal-safe where registry_is_busy() is not true.
 */
bool prof_start(size_t period);

/* Live samples stay, and are followed until they are freed. */
void prof_stop(void);

/*
 * As harden_alloc() and the like where that is active, else as heap_alloc(),
 * counted.  Only where prof_counts.
 */
void *prof_alloc(size_t size, bool *fresh);
void *prof_alloc_aligned(size_t size, size_t align);

/*
 * True in a signal handler that interrupted this thread at the profile: the
 * block may have a sample, which cannot be taken out now.
 */
bool prof_holds_back(const void *mem);

/* Then, true: the block is freed later.  Fatal if it was so before. */
bool prof_defers_free(void *mem);

/*
 * Takes the block at `mem`, which is about to be freed or resized, out of the
 * profile; false: it was not in it.
 */
bool prof_take(const void *mem, struct prof_sample *sample);

/*
 * A resize failed; or the block was good for the new size as it was, which is
 * in sample->size now: nothing was allocated, it stays that of its stack.  Its
 * weight stays too, the inverse of the chance that it had.
 */
void prof_put_back(const struct prof_sample *sample);

/* A block counts as a new one of `size` bytes. */
void prof_count(void *mem, size_t size);

/*
 * The distance to the next sample has run out: it is this block, perhaps.
 * Returns mem, for callers that end with it.
 */
void *prof_hit(void *mem, size_t size);

/* For atfork: the lock, and in the child the reset. */
void prof_lock(void);
void prof_unlock(void);
void prof_reset_child(void (*reset)(struct lock *lock));

#endif
