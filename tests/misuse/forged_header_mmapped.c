/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|invalid" in free */
/* attack: 19 */
/* The header of an mmapped chunk grows: munmap would take its neighbour. */
#include "misuse.h"

int main(void)
{
    unsigned char *mem = block(MMAPPED_SIZE);
    uint64_t word;
    memcpy(&word, mem - 8, sizeof(word));
    word += MMAPPED_SIZE;
    memcpy(mem - 8, &word, sizeof(word));
    free(victim(mem));
    return 0;
}
