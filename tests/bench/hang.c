/* SPDX-License-Identifier: MIT */
/* libhang.so: an allocator whose malloc comes to rest after a while. */
#include <stdlib.h>
#include <unistd.h>

enum { GOOD_CALLS = 500 };

extern void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    static int calls;
    if (++calls > GOOD_CALLS)
        pause();
    return __libc_malloc(size);
}
