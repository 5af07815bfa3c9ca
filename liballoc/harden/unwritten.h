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

/* As many bytes as most caches keep together, wherever they begin. */
struct word_line {
    word_pair pairs[4];
};

ALWAYS_INLINE word_pair line_sum(const char *at)
{
    const struct word_line *line = (const void *)at;

    return (line->pairs[0] | line->pairs[1]) |
           (line->pairs[2] | line->pairs[3]);
}

/*
 * [from, to) is zero; both are multiples of 8.  The last line may overlap the
 * one before: a loop for the rest would be guessed wrong, too.
 */
ALWAYS_INLINE bool is_zero(const void *mem, size_t from, size_t to)
{
    const char *at = (const char *)mem + from;
    const char *end = (const char *)mem + to;
    const char *last = end - sizeof(struct word_line);
    word_pair sum = {0, 0};
    uint64_t rest = 0;

    if (LIKELY(at <= last)) {
        for (; at < last; at += sizeof(struct word_line))
            sum |= line_sum(at);
        sum |= line_sum(last);
    } else {
        for (; at + 16 <= end; at += 16)
            sum |= *(const word_pair *)(const void *)at;
        rest = at < end ? *(const uint64_t *)(const void *)at : 0;
    }
    return (sum[0] | sum[1] | rest) == 0;
}

/* Of large blocks only both ends are looked at. */
ALWAYS_INLINE bool is_unwritten(const void *mem, size_t usable)
{
    size_t from = sizeof(struct free_object);
    size_t most = tunables.check_free;

    if (LIKELY(usable <= most))
        return is_zero(mem, from, usable);
    if (tunables.zero_free == 0 || most == 0)
        return true;
    size_t half = most / 2 & ~(size_t)7;
    return is_zero(mem, from, max_size(half, from)) &&
           is_zero(mem, usable - half, usable);
}

/* Fatal if not. */
ALWAYS_INLINE void check_unwritten(const void *mem, size_t usable)
{
    if (tunables.zero_free != 0 && UNLIKELY(!is_unwritten(mem, usable)))
        fatal("corrupted freed block (write after free)", mem);
}

#endif
