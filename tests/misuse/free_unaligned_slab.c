/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* attack: 6 */
/* No block starts at this address: they are aligned to 16. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(SLAB_SIZE);
    free(victim(mem + 1));
    return 0;
}
