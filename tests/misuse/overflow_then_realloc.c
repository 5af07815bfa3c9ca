/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in realloc anywhere */
/* The overwritten header is met by realloc. */
#include "misuse.h"

#include "neighbours.h"

int main(void)
{
    unsigned char *mem = NULL;
    unsigned char *next = next_of(&mem);
    memset(mem, 0x41, (size_t)(next - mem));
    launder(realloc(victim(next), 60000));
    return 0;
}
