/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_ARENA_MMAP_KEPT_H
#define LIBALLOC_ARENA_MMAP_KEPT_H
/*
 * Mappings that no chunk lies in: freed ones kept for the next request, as
 * the reclaim policy allows, and those that munmap() refused.
 * Layer: arena.  Thread safe (mmap_lock); no system call under the lock.
 */
#include "base/compiler.h"
#include "base/lock.h"
#include "layout/chunk.h"

#include <stdbool.h>
#include <stdint.h>

extern HIDDEN struct lock mmap_lock; /* for atfork */
extern HIDDEN struct mmap_table mmap_table;

/* A mapping, off every table. */
struct mapping {
    uintptr_t start;
    size_t size;
};

/* A blank record; NULL = no memory.  Takes mmap_lock. */
struct mmap_record *mmap_record_new(void);
void mmap_record_recycle(struct mmap_record *record) REQUIRES(mmap_lock);

/* The tightest for `size` bytes; size 0 = none fits. */
struct mapping mmap_kept_take(size_t size);

/* Keeps it if it may stay, there is a place and the cache is not full, and
   else gives it back. */
void mmap_kept_give(struct mapping mapping, bool may_stay);

/* Brings the policy up to date; what is live in the process. */
size_t mmap_kept_look(void) REQUIRES(mmap_lock);

/* Unmaps kept mappings as the watermarks want. */
void mmap_kept_tick(uint64_t now_ms);

/* Unmaps all kept mappings, and what was refused; the bytes of the kept. */
size_t mmap_kept_trim(void);

#endif
