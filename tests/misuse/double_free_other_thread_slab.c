/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* attack: 3 */
/* Its owner frees it, then another thread. */
#include "misuse_thread.h"

int main(void)
{
    void *mem = block(SLAB_SIZE);
    block(SLAB_SIZE); /* keeps a chunk from merging with what is behind */
    free(victim(mem));
    free_in_a_thread(launder(mem));
    return 0;
}
