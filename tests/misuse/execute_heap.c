/* SPDX-License-Identifier: MIT */
/* expect: fault */
/* attack: 29 */
/* A return instruction in a block, called. */
#include "misuse.h"

int main(void)
{
    static const size_t sizes[] = {SLAB_SIZE, CHUNK_SIZE, RUN_SIZE};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *mem = block(sizes[i]);
        mem[0] = 0xc3;
        victim(mem);
        void (*call)(void) = NULL;
        memcpy(&call, &mem, sizeof(call));
        call();
        succeeded("the heap was executed");
    }
    return 0;
}
