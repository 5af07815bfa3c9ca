/* SPDX-License-Identifier: MIT */
/* expect: abort "double free|invalid pointer" */
/* The same block twice, nothing in between. */
#include "misuse.h"

int main(void)
{
    void *mem = block(RUN_SIZE);
    free(victim(mem));
    free(launder(mem));
    return 0;
}
