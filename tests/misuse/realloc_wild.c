/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" in realloc */
/* realloc of an address where nothing is mapped. */
#include "misuse.h"

int main(void)
{
    free(block(SLAB_SIZE));
    launder(realloc(victim((void *)(uintptr_t)0x500000000010), 500));
    return 0;
}
