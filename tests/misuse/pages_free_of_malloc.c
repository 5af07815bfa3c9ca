/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" in liballoc_pages_free */
/* An object of malloc is no block of pages. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    void *mem = block(SLAB_SIZE);
    liballoc_pages_free(victim(mem), 0);
    return 0;
}
