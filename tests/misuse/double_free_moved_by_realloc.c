/* SPDX-License-Identifier: MIT */
/* expect: abort "double free|invalid pointer" */
/* realloc has moved it: the old pointer is dead. */
#include "misuse.h"

int main(void)
{
    void *mem = victim(block(SLAB_SIZE));
    if (launder(realloc(mem, MIB)) == mem) {
        no_misuse("realloc did not move");
    }
    free(launder(mem));
    return 0;
}
