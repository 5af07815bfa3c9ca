/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in free anywhere */
/* attack: 9 */
/* One byte too many: the first of the next size field, or of a canary. */
#include "misuse.h"

#include "neighbours.h"

#include <malloc.h>

int main(void)
{
    unsigned char *mem = NULL;
    unsigned char *next = next_of(&mem);
    mem[malloc_usable_size(mem)] ^= 0x40;
    victim(next);
    free(next);
    free(mem);
    return 0;
}
