/* SPDX-License-Identifier: MIT */
/* libcrash.so: an allocator that aborts after a while. */
#include <stdlib.h>
#include <unistd.h>

enum { GOOD_CALLS = 500 };

extern void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    static int calls;
    static const char why[] = "libcrash: enough\n";
    if (++calls > GOOD_CALLS) {
        if (write(2, why, sizeof why - 1) < 0)
            _exit(1);
        abort();
    }
    return __libc_malloc(size);
}
