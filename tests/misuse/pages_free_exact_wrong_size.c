/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid size|invalid pointer" in liballoc_pages_free_exact */
/* A size that is not that of the block. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    void *mem = liballoc_pages_alloc_exact(5 * LIBALLOC_PAGE_SIZE, 0);
    liballoc_pages_free_exact(victim(mem), 9 * LIBALLOC_PAGE_SIZE);
    return 0;
}
