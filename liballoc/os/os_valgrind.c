/* SPDX-License-Identifier: MIT */
#include "os/os_valgrind.h"

#if __has_include(<valgrind/memcheck.h>)
#    include <valgrind/memcheck.h>

/* Only Memcheck answers this one: callgrind and others see us as we are. */
bool os_valgrind_runs(void)
{
    unsigned char byte = 0;
    unsigned char bits;

    return RUNNING_ON_VALGRIND != 0 && VALGRIND_GET_VBITS(&byte, &bits, 1) == 1;
}

void os_valgrind_alloc(void *mem, size_t size, size_t redzone)
{
    VALGRIND_MALLOCLIKE_BLOCK(mem, size, redzone, 0);
}

/* Valgrind runs one thread at a time: the count is ours, or a leak is. */
bool os_valgrind_free(void *mem, size_t redzone)
{
    unsigned long before = VALGRIND_COUNT_ERRORS;

    VALGRIND_FREELIKE_BLOCK(mem, redzone);
    return VALGRIND_COUNT_ERRORS == before;
}

void os_valgrind_hide(void *mem, size_t size)
{
    (void)VALGRIND_MAKE_MEM_NOACCESS(mem, size);
}

void os_valgrind_show(void *mem, size_t size)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(mem, size);
}

#else

bool os_valgrind_runs(void)
{
    return false;
}

void os_valgrind_alloc(void *mem, size_t size, size_t redzone)
{
    (void)mem;
    (void)size;
    (void)redzone;
}

bool os_valgrind_free(void *mem, size_t redzone)
{
    (void)mem;
    (void)redzone;
    return true;
}

void os_valgrind_hide(void *mem, size_t size)
{
    (void)mem;
    (void)size;
}

void os_valgrind_show(void *mem, size_t size)
{
    (void)mem;
    (void)size;
}
#endif
