/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" */
/* attack: 7 */
/* A pointer into the program's code. */
#include "misuse.h"

int main(void);

int main(void)
{
    uintptr_t code = (uintptr_t)&main & ~(uintptr_t)15;
    free(victim((void *)code)); /* the first call of all: nothing is set up */
    return 0;
}
