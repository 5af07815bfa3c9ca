/* SPDX-License-Identifier: MIT */
/* expect: abort or survive "double free|corrupted|invalid" */
/* attack: 16 */
/* bk of free chunks of a large bin forged, then sorted and searched. */
#include "misuse.h"

int main(void)
{
    static uint64_t target[64];
    enum { N = 80, SIZE = 40000 };
    void *mem[N];
    for (int i = 0; i < N; i++) {
        mem[i] = block(SIZE + (size_t)(i % 5) * 1000);
    }
    victim(mem[1]);
    for (int i = 1; i < N; i += 2) {
        free(mem[i]);
    }
    uint64_t forged = (uintptr_t)&target[16];
    for (int i = 1; i < N; i += 2) {
        memcpy((char *)launder(mem[i]) + 8, &forged, sizeof(forged));
    }
    for (int i = 0; i < N; i++) {
        uint64_t *got = launder(malloc(SIZE + (size_t)(i % 7) * 900));
        if (got >= target && got < target + 64) {
            succeeded("malloc returned the target");
        }
    }
    for (int i = 0; i < 64; i++) {
        if (target[i] != 0) {
            succeeded("the target was written");
        }
    }
    return 0;
}
