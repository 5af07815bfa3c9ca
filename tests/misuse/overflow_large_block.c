/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: fault */
/* attack: 25 */
/* Two pages written behind the end of a large block. */
#include "misuse.h"

#include <malloc.h>

int main(void)
{
    enum { N = 16 };
    unsigned char *mem[N];
    for (int i = 0; i < N; i++) {
        mem[i] = block(RUN_SIZE);
    }
    for (int i = 0; i < N; i++) {
        unsigned char *end = mem[i] + malloc_usable_size(mem[i]);
        for (int j = 0; j < N; j++) {
            if (mem[j] >= end && mem[j] < end + 8192) {
                victim(mem[i]);
                memset(end, 0x41, 8192);
                if (mem[j][64] == 0x41) {
                    succeeded("the neighbour was written");
                }
            }
        }
    }
    victim(mem[0]);
    memset(mem[0], 0x41, malloc_usable_size(mem[0]) + 8192);
    no_misuse("no neighbour, and no fault");
}
