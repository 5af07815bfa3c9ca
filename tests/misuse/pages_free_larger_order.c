/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid size|invalid pointer|order" in liballoc_pages_free */
/* An order above that of the block: its neighbour would go too. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    void *mem = liballoc_pages_alloc(0, 0);
    liballoc_pages_free(victim(mem), 3);
    return 0;
}
