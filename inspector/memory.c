/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include "status.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        (void)fputs("heapinspect: out of memory\n", stderr);
        exit(STATUS_INCOMPLETE); /* NOLINT(concurrency-mt-unsafe) */
    }
    return memory;
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count != 0 ? count : 1, size));
}

void *xrealloc(void *old, size_t count, size_t size)
{
    if (count > SIZE_MAX / size)
        return checked(NULL);
    return checked(realloc(old, count != 0 ? count * size : 1));
}

char *xstrdup(const char *text)
{
    return checked(strdup(text));
}

void *xgrow(void *array, size_t count, size_t size)
{
    /* Full at powers of two, and at none. */
    if (count != 0 && (count & (count - 1)) != 0)
        return array;
    return xrealloc(array, count != 0 ? count * 2 : 1, size);
}
