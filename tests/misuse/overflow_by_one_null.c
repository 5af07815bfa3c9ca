/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in free anywhere */
/* attack: 10 */
/* Off by one: a zero byte clears PREV_INUSE of the next chunk. */
#include "misuse.h"

#include "neighbours.h"

#include <malloc.h>

int main(void)
{
    unsigned char *mem = NULL;
    unsigned char *next = next_of(&mem);
    mem[malloc_usable_size(mem)] = 0;
    victim(next);
    free(next);
    free(mem);
    return 0;
}
