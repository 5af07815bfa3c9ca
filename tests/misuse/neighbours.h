/* SPDX-License-Identifier: MIT */
#ifndef NEIGHBOURS_H
#define NEIGHBOURS_H
/*
 * Two live chunks side by side: where *mem ends, the size field of the
 * returned one begins, 8 bytes before it.
 */
#include "misuse.h"

/* As a chunk's header says: the block behind this one, or top. */
static inline unsigned char *behind(unsigned char *mem)
{
    uint64_t word;
    memcpy(&word, mem - 8, sizeof(word));
    return mem + (word & 0xfffffffffff0);
}

static inline unsigned char *next_of(unsigned char **mem)
{
    enum { N = 64 };
    unsigned char *blocks[N];
    for (int i = 0; i < N; i++) {
        blocks[i] = block(CHUNK_SIZE);
    }
    for (int i = 0; i < N * N; i++) {
        if (blocks[i % N] == behind(blocks[i / N])) {
            *mem = blocks[i / N];
            return blocks[i % N];
        }
    }
    no_misuse("no two chunks are neighbours");
}

#endif
