/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in free anywhere */
/* attack: 11 */
/* The next size grown by one block: it would swallow its neighbour. */
#include "misuse.h"

#include "neighbours.h"

int main(void)
{
    unsigned char *mem = NULL;
    unsigned char *next = next_of(&mem);
    uint64_t size = 0;
    memcpy(&size, next - 8, sizeof(size));
    size += 48;
    memcpy(next - 8, &size, sizeof(size));
    free(victim(next));
    return 0;
}
