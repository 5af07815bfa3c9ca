/* SPDX-License-Identifier: MIT */
/* expect: abort "double free|invalid pointer" in liballoc_pages_free */
/* The same pages twice. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    void *mem = liballoc_pages_alloc(2, 0);
    liballoc_pages_free(victim(mem), 2);
    liballoc_pages_free(launder(mem), 2);
    return 0;
}
