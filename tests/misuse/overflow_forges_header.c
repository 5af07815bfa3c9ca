/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in free anywhere */
/* attack: 12 */
/* A header that ptmalloc would take, by who does not know the key. */
#include "misuse.h"

#include "neighbours.h"

int main(void)
{
    const uint64_t forged = 0x1400 | 1;
    unsigned char *mem = NULL;
    unsigned char *next = next_of(&mem);
    memcpy(next - 8, &forged, sizeof(forged));
    free(victim(next));
    return 0;
}
