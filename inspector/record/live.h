/* SPDX-License-Identifier: MIT */
#ifndef RECORD_LIVE_H
#define RECORD_LIVE_H
/* Blocks by address, while they are live: open addressing. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live_block {
    uint64_t address; /* 0: none */
    uint64_t size;
    uint32_t row; /* of its stack, + 1 */
    uint32_t ms;
    uint32_t number; /* the listener's */
};

struct live_blocks {
    struct live_block *slots;
    size_t room; /* a power of two, or 0 */
    size_t count;
};

/* There is none at that address yet. */
void live_add(struct live_blocks *live, const struct live_block *block);

/* False: there is none. */
bool live_take(struct live_blocks *live, uint64_t address,
               struct live_block *block);
void live_free(struct live_blocks *live);

#endif
