/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HEAP_DESCRIBE_H
#define LIBALLOC_HEAP_DESCRIBE_H
/*
 * What a pointer is, for the last line before abort(): "(arena 1, size 112,
 * free)".  Takes no lock, and trusts nothing but page map and checksums.
 * Layer: heap.
 */
#include <stddef.h>

void describe_block(const void *mem, char *text, size_t size);

#endif
