/* SPDX-License-Identifier: MIT */
#include "prof/unwind.h"

bool unwind_init(void)
{
    return false;
}

enum prof_unwinder unwind_kind(void)
{
    return PROF_UNWIND_NONE;
}

unsigned unwind_stack(uintptr_t *pcs, unsigned max, unsigned skip)
{
    (void)pcs;
    (void)max;
    (void)skip;
    return 0;
}
