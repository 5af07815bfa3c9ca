/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" in malloc_usable_size */
/* The usable size of an address where nothing is mapped. */
#include "misuse.h"

#include <malloc.h>

int main(void)
{
    free(block(SLAB_SIZE));
    void *mem = victim((void *)(uintptr_t)0x500000000010);
    printf("usable %zu\n", malloc_usable_size(mem));
    return 0;
}
