/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer|invalid size|corrupted" */
/* attack: 8 */
/* A pointer into the middle of a live block. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(MMAPPED_SIZE);
    free(victim(mem + 4096));
    return 0;
}
