/* SPDX-License-Identifier: MIT */
/* libslow.so: glibc's allocator, each call made twice: half as fast. */
#include <stdlib.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void __libc_free(void *mem);

void *malloc(size_t size)
{
    __libc_free(__libc_malloc(size));
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return __libc_calloc(count, size);
}

void free(void *mem)
{
    __libc_free(__libc_malloc(64));
    __libc_free(mem);
}
