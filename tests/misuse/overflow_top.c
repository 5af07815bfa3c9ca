/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted" in malloc anywhere */
/* attack: 17 */
/* House of force: the size of top becomes -1, any distance can be had. */
#include "misuse.h"

#include "neighbours.h"

int main(void)
{
    const uint64_t most = UINT64_MAX;
    unsigned char *last = block(CHUNK_SIZE);
    for (int i = 0; i < 64; i++) {
        unsigned char *mem = block(CHUNK_SIZE);
        last = mem > last ? mem : last;
    }
    unsigned char *top = behind(last);
    memcpy(top - 8, &most, sizeof(most));
    victim(top);
    for (int i = 0; i < 64; i++) {
        unsigned char *mem = launder(malloc(100 * KIB));
        if (mem == NULL) {
            no_misuse("out of memory");
        }
    }
    succeeded("allocations go on from a forged top");
}
