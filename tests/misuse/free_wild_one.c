/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* No pointer at all: 1. */
#include "misuse.h"

int main(void)
{
    free(block(SLAB_SIZE));
    free(victim((void *)(uintptr_t)1));
    return 0;
}
