/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* realloc(mem, 0) has freed it already. */
#include "misuse.h"

int main(void)
{
    volatile size_t zero = 0;
    void *mem = block(SLAB_SIZE);
    if (realloc(victim(mem), zero) != NULL) {
        no_misuse("realloc(mem, 0) did not free");
    }
    free(launder(mem));
    return 0;
}
