/* SPDX-License-Identifier: MIT */
/* expect: abort or survive "double free|corrupted|invalid" */
/* A free object's link is aimed at the stack: no malloc may return it. */
#include "misuse.h"

int main(void)
{
    _Alignas(16) unsigned char target[256];
    memset(target, 0, sizeof(target));
    void *mem[3];
    for (int i = 0; i < 3; i++) {
        mem[i] = block(SLAB_SIZE);
    }
    for (int i = 0; i < 3; i++) {
        free(mem[i]);
    }
    void *address = launder(target);
    memcpy(launder(victim(mem[2])), &address, sizeof(address));
    for (int i = 0; i < 100; i++) {
        if (launder(malloc(SLAB_SIZE)) == address) {
            no_misuse("malloc returned the target");
        }
    }
    return 0;
}
