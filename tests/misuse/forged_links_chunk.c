/* SPDX-License-Identifier: MIT */
/* expect: abort or survive "double free|corrupted|invalid" */
/* attack: 15 */
/* fd and bk of a free chunk forged: unlink must not write through them. */
#include "misuse.h"

int main(void)
{
    static uint64_t target[64];
    enum { N = 40 };
    void *mem[N];
    for (int i = 0; i < N; i++) {
        mem[i] = block(CHUNK_SIZE);
    }
    for (int i = 1; i < N; i += 2) {
        free(mem[i]);
    }
    uint64_t links[2] = {(uintptr_t)&target[16], (uintptr_t)&target[32]};
    for (int i = 1; i < N; i += 2) {
        memcpy(launder(mem[i]), links, sizeof(links));
    }
    victim(mem[1]);
    for (int i = 0; i < N; i += 2) {
        free(mem[i]);
    }
    for (int i = 0; i < N; i++) {
        uint64_t *got = launder(malloc(CHUNK_SIZE));
        if (got >= target && got < target + 64) {
            no_misuse("malloc returned the target");
        }
    }
    for (int i = 0; i < 64; i++) {
        if (target[i] != 0) {
            no_misuse("the target was written");
        }
    }
    return 0;
}
