/* SPDX-License-Identifier: MIT */
/* expect: abort "double free|invalid pointer|freed" in realloc */
/* attack: 22 */
/* realloc of what is free. */
#include "misuse.h"

int main(void)
{
    void *mem = block(SLAB_SIZE);
    free(victim(mem));
    mem = launder(realloc(launder(mem), SLAB_SIZE + 5000));
    return 0;
}
