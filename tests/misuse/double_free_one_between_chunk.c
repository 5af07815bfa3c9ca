/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* attack: 2 */
/* Another free in between, which hides it from a look at the list head. */
#include "misuse.h"

int main(void)
{
    void *mem = block(CHUNK_SIZE);
    void *other = block(CHUNK_SIZE);
    free(victim(mem));
    free(other);
    free(launder(mem));
    return 0;
}
