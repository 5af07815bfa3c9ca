/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* The last 16 bytes of the address space. */
#include "misuse.h"

int main(void)
{
    free(block(SLAB_SIZE));
    free(victim((void *)(uintptr_t)(uintptr_t)-16));
    return 0;
}
