/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid size|invalid pointer|order" in liballoc_pages_free */
/* An order that is not that of the block. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    void *mem = liballoc_pages_alloc(2, 0);
    liballoc_pages_free(victim(mem), 1);
    return 0;
}
