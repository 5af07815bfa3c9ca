/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer|double free" */
/* attack: 8 */
/* Into the middle of a huge block that is gone. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(MMAPPED_SIZE);
    free(mem);
    free(victim((unsigned char *)launder(mem) + MIB));
    return 0;
}
