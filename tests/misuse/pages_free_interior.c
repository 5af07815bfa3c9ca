/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" in liballoc_pages_free */
/* A page inside a block. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    unsigned char *mem = liballoc_pages_alloc(2, 0);
    liballoc_pages_free(victim(mem + LIBALLOC_PAGE_SIZE), 0);
    return 0;
}
