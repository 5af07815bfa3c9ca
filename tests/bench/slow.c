/* SPDX-License-Identifier: MIT */
/*
 * libslow.so: glibc's allocator, and eight pairs more with each call: slower by
 * far, whatever the machine's memory and processor are to each other.
 */
#include <stdlib.h>

enum { PAIRS = 8 };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void __libc_free(void *mem);

static void waste(void)
{
    for (int i = 0; i < PAIRS; i++) {
        void *volatile mem = __libc_malloc(64);
        __libc_free(mem);
    }
}

void *malloc(size_t size)
{
    waste();
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return __libc_calloc(count, size);
}

void free(void *mem)
{
    waste();
    __libc_free(mem);
}
