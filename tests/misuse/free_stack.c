/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* attack: 7 */
/* A pointer into the stack. */
#include "misuse.h"

int main(void)
{
    _Alignas(16) unsigned char local[256];
    memset(local, 0, sizeof(local));
    free(block(SLAB_SIZE));
    free(victim(local + 32));
    return 0;
}
