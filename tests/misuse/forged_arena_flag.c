/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in free anywhere */
/* attack: 27 */
/* The header says that the chunk is another arena's. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(CHUNK_SIZE);
    mem[-8] ^= 4;
    free(victim(mem));
    return 0;
}
