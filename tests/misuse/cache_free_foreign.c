/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" in liballoc_cache_free */
/* An object of another cache. */
#include "misuse.h"

#include "liballoc.h"

int main(void)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("mine", 100, 0, LIBALLOC_NO_MERGE, NULL);
    struct liballoc_cache *other =
        liballoc_cache_create("other", 100, 0, LIBALLOC_NO_MERGE, NULL);
    liballoc_cache_free(cache, liballoc_cache_alloc(cache, 0));
    liballoc_cache_free(cache, victim(liballoc_cache_alloc(other, 0)));
    return 0;
}
