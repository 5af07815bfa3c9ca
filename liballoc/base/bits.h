/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_BITS_H
#define LIBALLOC_BASE_BITS_H
/*
 * Powers of two, logarithms, rounding, and ranges in a bitmap.
 * Layer: base.  Pure arithmetic.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
};
#define GIB ((size_t)1 << 30)

static inline bool is_pow2(size_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

/* floor(log2(x)); x > 0. */
static inline unsigned log2_floor(size_t x)
{
    return 63u ^ (unsigned)__builtin_clzl(x);
}

/* ceil(log2(x)); x > 0. */
static inline unsigned log2_ceil(size_t x)
{
    return x == 1 ? 0 : log2_floor(x - 1) + 1;
}

/* `align` is a power of two; wraps to 0 on overflow. */
static inline size_t round_up(size_t x, size_t align)
{
    return (x + align - 1) & ~(align - 1);
}

static inline size_t round_down(size_t x, size_t align)
{
    return x & ~(align - 1);
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t clamp_size(size_t x, size_t lo, size_t hi)
{
    return x < lo ? lo : min_size(x, hi);
}

/* Bits first..first+n-1 of one word; n in 1..64 - first. */
static inline uint64_t bit_mask(size_t first, size_t n)
{
    return (n >= 64 ? ~(uint64_t)0 : (((uint64_t)1 << n) - 1)) << first;
}

/* Calls for the words of a range; the body sees `word` and `mask`. */
#define BITMAP_FOR_RANGE(map, first, n, word, mask)                          \
    for (size_t at_ = (first), end_ = (first) + (n), step_ = 0; at_ < end_;  \
         at_ += step_)                                                       \
        for (uint64_t *word = (map) + (at_ >> 6),                            \
                      mask = (step_ = min_size(64 - (at_ & 63), end_ - at_), \
                             bit_mask(at_ & 63, step_));                     \
             mask != 0; mask = 0)

static inline bool bitmap_test(const uint64_t *map, size_t bit)
{
    return (map[bit >> 6] >> (bit & 63) & 1) != 0;
}

/* How many of the bits [first, first + n) are set. */
static inline size_t bitmap_count(uint64_t *map, size_t first, size_t n)
{
    size_t count = 0;
    BITMAP_FOR_RANGE(map, first, n, word, mask)
    count += (size_t)__builtin_popcountl(*word & mask);
    return count;
}

/* Sets the bits; returns how many were clear. */
static inline size_t bitmap_set(uint64_t *map, size_t first, size_t n)
{
    size_t count = 0;
    BITMAP_FOR_RANGE(map, first, n, word, mask)
    {
        count += (size_t)__builtin_popcountl(~*word & mask);
        *word |= mask;
    }
    return count;
}

/* Clears the bits; returns how many were set. */
static inline size_t bitmap_clear(uint64_t *map, size_t first, size_t n)
{
    size_t count = 0;
    BITMAP_FOR_RANGE(map, first, n, word, mask)
    {
        count += (size_t)__builtin_popcountl(*word & mask);
        *word &= ~mask;
    }
    return count;
}

/* First bit >= from that is set (or clear), below `end`; `end` if none. */
static inline size_t bitmap_next(const uint64_t *map, size_t from, size_t end,
                                 bool set)
{
    while (from < end) {
        uint64_t word = set ? map[from >> 6] : ~map[from >> 6];
        word &= ~(uint64_t)0 << (from & 63);
        if (word != 0) {
            size_t bit = round_down(from, 64) + (size_t)__builtin_ctzl(word);
            return min_size(bit, end);
        }
        from = round_down(from, 64) + 64;
    }
    return end;
}

/* Last bit <= from that is set, at least `first`; SIZE_MAX if none. */
static inline size_t bitmap_last(const uint64_t *map, size_t first, size_t from)
{
    size_t at = from >> 6;
    uint64_t word = map[at] & bit_mask(0, (from & 63) + 1);

    while (word == 0 && at > first >> 6)
        word = map[--at];
    if (word == 0)
        return SIZE_MAX;
    size_t bit = (at << 6) + 63 - (size_t)__builtin_clzl(word);
    return bit >= first ? bit : SIZE_MAX;
}

#endif
