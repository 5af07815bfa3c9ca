/* SPDX-License-Identifier: MIT */
#ifndef RECORD_STACKS_H
#define RECORD_STACKS_H
/*
 * Stacks as numbers of nodes in the shared tree.  Each thread has a walker,
 * which keeps its last walk: frames that are the same as then, counted from
 * the outermost, are not looked up again.
 */
#include "layout/record.h"

#include <stdbool.h>
#include <stddef.h>

struct walker;

/* Loads libunwind, which allocates; false: no stacks. */
bool stacks_load(void);

/* A walker for this thread, perhaps of one that is gone; NULL: no memory. */
struct walker *walker_get(void);
void walker_put(struct walker *walker);

/* The caller's stack without the frames of this library; 0: none. */
uint32_t walker_stack(struct walker *walker);

/* Notes the object that holds the pc, unless it is known. */
void modules_note(struct record_header *header, uintptr_t pc);

#endif
