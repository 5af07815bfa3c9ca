/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in malloc_usable_size anywhere */
/* The overwritten header is met by malloc_usable_size. */
#include "misuse.h"

#include "neighbours.h"

#include <malloc.h>

int main(void)
{
    unsigned char *mem = NULL;
    unsigned char *next = next_of(&mem);
    memset(mem, 0x41, (size_t)(next - mem));
    printf("usable %zu\n", malloc_usable_size(victim(next)));
    return 0;
}
