/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" in liballoc_cache_free */
/* The same object twice. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("twice", 100, 0, LIBALLOC_NO_MERGE, NULL);
    void *mem = liballoc_cache_alloc(cache, 0);
    liballoc_cache_free(cache, victim(mem));
    liballoc_cache_free(cache, launder(mem));
    return 0;
}
