/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: abort "corrupted" in malloc|free anywhere */
/* attack: 14 */
/* The same with the address of a live block, but without the key. */
#include "poison.h"

int main(void)
{
    poison(SLAB_SIZE, NULL, "a live block was handed out again");
    return 0;
}
