/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: abort "corrupted" in malloc|free anywhere */
/* attack: 13 */
/* The link of a freed object leads to a target: tcache poisoning. */
#include "poison.h"

static struct {
    _Alignas(16) unsigned char bytes[256];
} target;

int main(void)
{
    poison(SLAB_SIZE, &target, "malloc returned the target");
    return 0;
}
