/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* Another thread frees it, then its owner. */
#include "misuse_thread.h"

int main(void)
{
    void *mem = block(SLAB_SIZE);
    free_in_a_thread(victim(mem));
    free(launder(mem));
    return 0;
}
