/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: fault */
/* attack: 26 */
/* Nothing was asked for, something is written. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = launder(malloc(0));
    if (mem == NULL) {
        no_misuse("malloc(0) gives NULL");
    }
    victim(mem);
    *mem = 0x41;
    succeeded("a byte of a block of none");
}
