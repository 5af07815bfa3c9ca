/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_UNWRITTEN_H
#define LIBALLOC_HARDEN_UNWRITTEN_H
/*
 * Freed memory was filled with zero; is it still?  The first two words are
 * link and mark, which have checks of their own.
 * Layer: harden.
 */
#include "base/bits.h"
#include "base/compiler.h"
#include "base/debug.h"
#include "base/tunables.h"
#include "layout/slab.h"

#include <stdbool.h>

/* Two words; compilers make one register of it. */
typedef uint64_t word_pair
    __attribute__((vector_size(16), aligned(8), may_alias));

/* [from, to) is zero; both are multiples of 8. */
ALWAYS_INLINE bool is_zero(const void *mem, size_t from, size_t to)
{
    const char *at = (const char *)mem + from;
    const char *end = (const char *)mem + to;
    word_pair sum = {0, 0};

    for (; at + 64 <= end; at += 64) {
        const word_pair *pair = (const void *)at;
        sum |= pair[0] | pair[1] | (pair[2] | pair[3]);
    }
    for (; at + 16 <= end; at += 16)
        sum |= *(const word_pair *)(const void *)at;
    uint64_t rest = at < end ? *(const uint64_t *)(const void *)at : 0;
    return (sum[0] | sum[1] | rest) == 0;
}

/* Fatal if not; of large blocks only both ends are looked at. */
ALWAYS_INLINE void check_unwritten(const void *mem, size_t usable)
{
    size_t from = sizeof(struct free_object);
    size_t most = tunables.check_free;

    if (tunables.zero_free == 0 || most == 0)
        return;
    bool is_clean = true;
    if (LIKELY(usable <= most)) {
        is_clean = is_zero(mem, from, usable);
    } else {
        size_t half = most / 2 & ~(size_t)7;
        is_clean = is_zero(mem, from, max_size(half, from)) &&
                   is_zero(mem, usable - half, usable);
    }
    if (UNLIKELY(!is_clean))
        fatal("corrupted freed block (write after free)", mem);
}

#endif
