/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* A kernel address. */
#include "misuse.h"

int main(void)
{
    free(block(SLAB_SIZE));
    free(victim((void *)(uintptr_t)0xffff888000001000));
    return 0;
}
