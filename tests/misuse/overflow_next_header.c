/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in free anywhere */
/* attack: 9 */
/* Text runs over the end of a chunk into the next header. */
#include "misuse.h"

#include "neighbours.h"

int main(void)
{
    unsigned char *mem = NULL;
    unsigned char *next = next_of(&mem);
    memset(mem, 0x41, (size_t)(next - mem));
    free(victim(next));
    return 0;
}
