/* SPDX-License-Identifier: MIT */
/* expect: abort "double free|invalid pointer" */
/* An aligned block twice. */
#include "misuse.h"

int main(void)
{
    void *mem = launder(aligned_alloc(4096, 100));
    free(victim(mem));
    free(launder(mem));
    return 0;
}
