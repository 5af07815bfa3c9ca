/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* A hundred frees of like blocks in between. */
#include "misuse.h"

int main(void)
{
    enum { N = 100 };
    void *others[N];
    void *mem = block(SLAB_SIZE);
    for (int i = 0; i < N; i++) {
        others[i] = block(SLAB_SIZE);
    }
    free(victim(mem));
    for (int i = 0; i < N; i++) {
        free(others[i]);
    }
    free(launder(mem));
    return 0;
}
