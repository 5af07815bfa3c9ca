/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* attack: 4 */
/* After 1024 allocations of other sizes: the block was not reused. */
#include "misuse.h"

int main(void)
{
    void *mem = block(SLAB_SIZE);
    block(SLAB_SIZE); /* keeps a chunk from merging with what is behind */
    free(victim(mem));
    for (size_t i = 0; i < 1024; i++) {
        block(200 + i);
    }
    free(launder(mem));
    return 0;
}
