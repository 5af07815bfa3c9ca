/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* attack: 7 */
/* A pointer into .data. */
#include "misuse.h"

static _Alignas(16) unsigned char global[64] = {1};

int main(void)
{
    free(block(SLAB_SIZE));
    free(victim(global + 16));
    return 0;
}
