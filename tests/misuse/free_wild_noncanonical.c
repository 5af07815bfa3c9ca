/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* Text read as a pointer: no canonical address. */
#include "misuse.h"

int main(void)
{
    free(block(SLAB_SIZE));
    free(victim((void *)(uintptr_t)0x4141414141414140));
    return 0;
}
