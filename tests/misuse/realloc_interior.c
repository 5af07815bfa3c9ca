/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer|invalid size|corrupted" in realloc */
/* realloc of a pointer into the middle. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(SLAB_SIZE);
    launder(realloc(victim(mem + 16), 500));
    return 0;
}
