/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_ARENA_MMAP_CHUNK_H
#define LIBALLOC_ARENA_MMAP_CHUNK_H
/*
 * Mmapped chunks: large requests in mappings of their own, with a table of
 * the live ones, and growth by mremap.  Freed mappings: mmap_kept.h.
 * Layer: arena.  Thread safe (mmap_lock); no system call under the lock.
 */
#include <stdbool.h>
#include <stddef.h>

/* `align`: a power of two.  *fresh: reads as zero.  NULL = no memory. */
void *mmap_chunk_alloc(size_t size, size_t align, bool *fresh);

/* Usable bytes of the live mmapped chunk at `mem`; 0 = there is none. */
size_t mmap_chunk_size(const void *mem);

/* False: there is no such chunk. */
bool mmap_chunk_free(void *mem);

/*
 * Changes the size, moving the pages if need be; the new address.  NULL: it
 * stays as it is (no memory, or mremap refused).
 */
void *mmap_chunk_resize(void *mem, size_t size);

/* Requests from here on get a chunk of their own. */
bool mmap_chunk_wanted(size_t size);

/* As mallopt(M_MMAP_THRESHOLD) does: the threshold is no longer dynamic. */
void mmap_threshold_fix(void);
bool mmap_threshold_is_fixed(void);

#endif
