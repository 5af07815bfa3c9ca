/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* A wild pointer before any allocation by the program. */
#include "misuse.h"

int main(void)
{
    free(victim((void *)(uintptr_t)0x10000));
    return 0;
}
