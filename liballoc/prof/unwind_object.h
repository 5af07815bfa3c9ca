/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_UNWIND_OBJECT_H
#define LIBALLOC_PROF_UNWIND_OBJECT_H
/*
 * Loaded objects, found without a lock, and what may be read of them.
 * Layer: prof.
 */
#include "prof/unwinder.h"

bool unwind_object_is_there(void); /* glibc has _dl_find_object() */

/* The object that holds the pc; NULL = none.  Its table may be missing. */
const struct unwind_object *unwind_object_find(struct unwinder *unwinder,
                                               uintptr_t pc);

/* The word of one of its readable segments; false = it lies in none. */
bool unwind_object_word(const struct unwind_object *object, uintptr_t address,
                        uintptr_t *word);

#endif
