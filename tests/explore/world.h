/* SPDX-License-Identifier: MIT */
#ifndef EXPLORE_WORLD_H
#define EXPLORE_WORLD_H
/*
 * The memory of the explored program: all that a step may change, and the way
 * back from it.  Pages are read-only until first written ("hot"); a step's
 * changes are found by comparing the hot pages with a copy, block by block,
 * and logged for undo.  The hash of a state is the sum over changed blocks,
 * kept as they change.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once, at start: the program's own data is part of the world from here on.
   `crash` is called for accesses that are no write to it. */
void world_init(void (*crash)(const void *at));

/* Memory outside of the world, zero: for the explorer itself. */
void *world_private(size_t size);

/* Zeroed addresses, the same in every run; without access before they are
   committed.  NULL = none left. */
void *world_reserve(size_t size);

/* Makes [start, start + size) part of the world; what is so already stays. */
void world_commit(void *start, size_t size);

/* What is now is the base: nothing is hot. */
void world_freeze(void);

/* Takes note of all changes since the last note or undo. */
void world_note(void);

/* A point to come back to, after world_note(). */
size_t world_mark(void);
void world_undo(size_t mark);

uint64_t world_hash(void);
size_t world_hot_bytes(void);

#endif
