/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_ARENA_BINS_H
#define LIBALLOC_ARENA_BINS_H
/*
 * Bins of free chunks: small, large, unsorted, and the bitmap over them.
 * Layer: arena.  Locks: the arena's owner's.
 * Source: Lea's dlmalloc and glibc malloc.c for the structure; the spacing of
 * large bins as in Masmano et al., TLSF (ECRTS 2004).
 */
#include "layout/arena.h"

#include <stdbool.h>

/*
 * Marks the chunk free and files it; its neighbours are the caller's.  Of its
 * bytes, `clean` were given back to the kernel and not touched since.
 */
void bins_insert(struct arena *arena, struct chunk *chunk, size_t size,
                 size_t clean);

/* As bins_insert(), but for one pass on the unsorted list first. */
void bins_insert_unsorted(struct arena *arena, struct chunk *chunk, size_t size,
                          size_t clean);

/* Bytes of a free chunk given back to the kernel already. */
size_t bins_clean(const struct chunk *chunk);

/* Takes a free chunk off its list; fatal if the list was tampered with. */
void bins_unlink(struct arena *arena, struct chunk *chunk);

/*
 * A free chunk of at least `size` bytes, off its list, of a good fit: exact
 * from the unsorted list, else from the first bin that has one.  NULL = none.
 */
struct chunk *bins_take(struct arena *arena, size_t size);

/* May unlink the chunk; false: no more of them. */
typedef bool bins_visit(struct arena *arena, struct chunk *chunk, void *data);

/* Calls for every free chunk but top, unsorted ones first, then the largest. */
void bins_walk(struct arena *arena, bins_visit *visit, void *data);

/*
 * The same for the bins of `size` bytes and more alone, largest first.  Sorts
 * the unsorted list: each chunk is sorted once in its life, so that many small
 * free chunks do not slow down what looks for large ones.
 */
void bins_walk_large(struct arena *arena, size_t size, bins_visit *visit,
                     void *data);

#endif
