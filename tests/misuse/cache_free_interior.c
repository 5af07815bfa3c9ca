/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" in liballoc_cache_free */
/* A pointer into the middle of an object. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("mine", 100, 0, LIBALLOC_NO_MERGE, NULL);
    unsigned char *mem = liballoc_cache_alloc(cache, 0);
    liballoc_cache_free(cache, victim(mem + 16));
    return 0;
}
