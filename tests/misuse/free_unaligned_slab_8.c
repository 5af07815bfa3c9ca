/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* No block starts at this address: they are aligned to 16. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(SLAB_SIZE);
    free(victim(mem + 8));
    return 0;
}
