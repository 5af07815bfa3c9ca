/* SPDX-License-Identifier: MIT */
#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H
/*
 * Two live chunks side by side: where the usable bytes of *mem end, the size
 * field of the returned one begins, 8 bytes before it.
 */
#include "misuse.h"

#include <malloc.h>

static inline unsigned char *next_of(unsigned char **mem)
{
    enum { N = 64 };
    unsigned char *blocks[N];
    for (int i = 0; i < N; i++) {
        blocks[i] = block(CHUNK_SIZE);
    }
    for (int i = 0; i < N * N; i++) {
        unsigned char *left = blocks[i / N];
        if (blocks[i % N] == left + malloc_usable_size(left) + 8) {
            *mem = left;
            return blocks[i % N];
        }
    }
    no_misuse("no two chunks are neighbours");
}

#endif
