/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* attack: 1 */
/* The same block twice, nothing in between. */
#include "misuse.h"

int main(void)
{
    void *mem = block(SLAB_SIZE);
    free(victim(mem));
    free(launder(mem));
    return 0;
}
