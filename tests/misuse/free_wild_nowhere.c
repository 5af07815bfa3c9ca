/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* An address where nothing is mapped. */
#include "misuse.h"

int main(void)
{
    free(block(SLAB_SIZE));
    free(victim((void *)(uintptr_t)0x500000000010));
    return 0;
}
