/* SPDX-License-Identifier: MIT */
/* expect: no harm */
/* hardened: abort "write after free" in malloc|free anywhere */
/* attack: 20 */
/* A stale pointer writes behind link and mark; the block is then reused. */
#include "misuse.h"

int main(void)
{
    enum { N = 100000 };
    unsigned char *mem = block(SLAB_SIZE);
    unsigned char *live = block(SLAB_SIZE);
    free(victim(mem));
    memset((unsigned char *)launder(mem) + 32, 0x41, 32);
    for (int i = 0; i < N; i++) {
        unsigned char *got = launder(malloc(SLAB_SIZE));
        if (got == live) {
            succeeded("a live block was handed out again");
        }
        free(got);
    }
    return 0;
}
