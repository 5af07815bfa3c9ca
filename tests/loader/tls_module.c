/* SPDX-License-Identifier: MIT */
/*
 * A module with thread-local storage, copied a hundred times by
 * test_modules.c: each copy is a module of its own to the loader.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Zeros and an image, with an alignment of its own. */
static _Thread_local char zeros[3000];
static _Thread_local int image[40] __attribute__((aligned(64))) = {1, 2, 3};
static char *kept;

size_t module_touch(int value);

/* The sum of what the calling thread has here, before `value` is added. */
size_t module_touch(int value)
{
    size_t sum = (size_t)image[2] + (size_t)zeros[2999];

    image[2] += value;
    zeros[2999] = (char)(zeros[2999] + value);
    return sum;
}

__attribute__((constructor)) static void at_load(void)
{
    kept = malloc(5000);
    if (kept != NULL) {
        memset(kept, 7, 5000);
    }
}

__attribute__((destructor)) static void at_unload(void)
{
    if (kept == NULL || kept[4999] != 7) {
        abort();
    }
    free(kept);
}
