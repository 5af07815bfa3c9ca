/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: abort "corrupted" in malloc|free anywhere */
/* attack: 13 */
/* The link of a freed object leads to a target: tcache poisoning. */
#include "misuse.h"

static struct {
    _Alignas(16) unsigned char bytes[256];
} target;

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
    for (int i = 0; i < N; i++) {
        free(mem[i]);
    }
    victim(mem[N - 1]);
    const void *leads_to = &target;
    for (int i = 0; i < N; i++) {
        memcpy(launder(mem[i]), &leads_to, sizeof(leads_to));
    }
    for (int i = 0; i < TRIES; i++) {
        void *got = launder(malloc(SLAB_SIZE));
        if (got == (void *)&target) {
            succeeded("malloc returned the target");
        }
        if (i % 2 == 0 && i > 2 * N) {
            free(got);
        }
    }
    return 0;
}
