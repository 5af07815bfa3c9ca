/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: abort "corrupted" in malloc|free anywhere */
/* attack: 14 */
/* The same with the address of a live block, but without the key. */
#include "misuse.h"

int main(void)
{
    enum { N = 40, TRIES = 4000 };
    void *mem[N];
    /* An attacker who can make the bin large enough for all of them does. */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++) {
            mem[i] = block(SLAB_SIZE);
        }
        for (int i = 0; i < N; i++) {
            free(mem[i]);
        }
    }
    for (int i = 0; i < N; i++) {
        mem[i] = block(SLAB_SIZE);
    }
    const void *live = block(SLAB_SIZE);
    for (int i = 0; i < N; i++) {
        free(mem[i]);
    }
    victim(mem[N - 1]);
    for (int i = 0; i < N; i++) {
        memcpy(launder(mem[i]), &live, sizeof(live));
    }
    for (int i = 0; i < TRIES; i++) {
        void *got = launder(malloc(SLAB_SIZE));
        if (got == live) {
            succeeded("a live block was handed out again");
        }
        if (i % 2 == 0 && i > 2 * N) {
            free(got);
        }
    }
    return 0;
}
