/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* attack: 19 */
/* A forged header with IS_MMAPPED: the munmap path. */
#include "misuse.h"

int main(void)
{
    _Alignas(4096) static uint64_t fake[1024];
    free(block(SLAB_SIZE));
    fake[1] = 0x1002; /* one page, IS_MMAPPED */
    free(victim(&fake[2]));
    return 0;
}
