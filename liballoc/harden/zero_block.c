/* SPDX-License-Identifier: MIT */
#include "harden/zero_block.h"

#include "base/atomic.h"
#include "base/bits.h"
#include "base/debug.h"
#include "os/os_mem.h"

enum {
    STEP = 16, /* bytes between two blocks */
    NWORDS = 1024,
    NBLOCKS = NWORDS * 64,
};

uintptr_t zero_block_base;
size_t zero_block_span;
static _Atomic uint64_t taken[NWORDS]; /* a bit a block */
static _Atomic uint32_t cursor;        /* each call begins at the next word */

void zero_block_init(void)
{
    size_t span = (size_t)NBLOCKS * STEP;
    void *at = os_reserve(NULL, span);

    if (at == NULL)
        return;
    os_name(at, span, "liballoc zero size");
    zero_block_base = (uintptr_t)at;
    zero_block_span = span;
}

/* A free block of the word, now taken; -1 = none. */
static int word_take(_Atomic uint64_t *word)
{
    /* stale ok: the compare and swap below checks it */
    uint64_t old = load_relaxed(word);

    while (~old != 0) {
        int bit = __builtin_ctzll(~old);
        /* acq_rel: its last holder is done; pairs with zero_block_free() */
        if (cas_weak_acq_rel(word, &old, old | (uint64_t)1 << bit))
            return bit;
    }
    return -1;
}

void *zero_block_alloc(void)
{
    for (size_t i = 0; zero_block_span > 0 && i < NWORDS; i++) {
        /* stale ok: any word will do */
        size_t at = add_relaxed(&cursor, 1) % NWORDS;
        int bit = word_take(&taken[at]);
        if (bit >= 0)
            return (void *)(zero_block_base + (at * 64 + (size_t)bit) * STEP);
    }
    return NULL;
}

void zero_block_check(const void *mem)
{
    size_t offset = (uintptr_t)mem - zero_block_base;
    size_t block = offset / STEP;

    if (offset % STEP != 0)
        fatal("invalid pointer", mem);
    /* stale ok: the caller holds the block, or is in error */
    if ((load_relaxed(&taken[block / 64]) >> (block % 64) & 1) == 0)
        fatal("double free or corruption (zero size)", mem);
}

void zero_block_free(const void *mem)
{
    size_t block = ((uintptr_t)mem - zero_block_base) / STEP;
    uint64_t bit = (uint64_t)1 << (block % 64);

    zero_block_check(mem);
    /* stale ok: the compare and swap below checks it */
    uint64_t old = load_relaxed(&taken[block / 64]);
    do {
        if ((old & bit) == 0)
            fatal("double free or corruption (zero size)", mem);
        /* acq_rel: pairs with word_take() */
    } while (!cas_weak_acq_rel(&taken[block / 64], &old, old & ~bit));
}
