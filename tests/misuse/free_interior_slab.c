/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer|invalid size|corrupted" */
/* attack: 5 */
/* A pointer into the middle of a live block. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(SLAB_SIZE);
    free(victim(mem + 16));
    return 0;
}
