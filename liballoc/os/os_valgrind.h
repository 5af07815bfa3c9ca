/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_OS_OS_VALGRIND_H
#define LIBALLOC_OS_OS_VALGRIND_H
/*
 * What Memcheck is told about blocks (its client requests): nothing happens
 * outside of valgrind, or where the library was built without its header.
 * Layer: os.
 */
#include <stdbool.h>
#include <stddef.h>

/* True when this process runs under Memcheck, and requests can be made. */
bool os_valgrind_runs(void);

/* From now on a block of the program's, its contents undefined. */
void os_valgrind_alloc(void *mem, size_t size, size_t redzone);

/* No longer; false: it is no such block, and Memcheck has said so. */
bool os_valgrind_free(void *mem, size_t redzone);

/* Nobody may touch it; everybody may. */
void os_valgrind_hide(void *mem, size_t size);
void os_valgrind_show(void *mem, size_t size);

#endif
