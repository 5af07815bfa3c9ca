/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* attack: 18 */
/* House of spirit: a forged header before it, of a size that is plausible. */
#include "misuse.h"

int main(void)
{
    _Alignas(16) uint64_t fake[32];
    free(block(SLAB_SIZE));
    memset(fake, 0, sizeof(fake));
    fake[1] = 0x71;  /* size and PREV_INUSE */
    fake[15] = 0x71; /* that of the next one */
    free(victim(&fake[2]));
    return 0;
}
