/* SPDX-License-Identifier: MIT */
#ifndef CONTENTS_H
#define CONTENTS_H
/*
 * What the shadow model knows of a block: size, alignment, and the seed of
 * its contents.  The 8-byte word at offset `at` is mix(seed) + at * STEP.
 *
 * Written and looked at are
 *   - all bytes, of blocks up to 128 bytes and of one in eight others up to
 *     64 KiB;
 *   - of the rest the first word, the last 8..15 bytes, and a word in each
 *     4 KiB (up to 300 KiB) or 64 KiB.
 * Blocks that overlap spoil each other's contents: one inside the middle of
 * another is found where that is among the eighth.
 */
#include "black_box.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>

struct block {
    unsigned char *mem; /* NULL: an empty slot */
    size_t size;        /* bytes requested, and written */
    uint16_t align;
    uint16_t from; /* who made it */
    uint32_t seed;
};

#define CONTENTS_STEP 0x9e3779b97f4a7c15u

static inline uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

/* splitmix64 */
static inline uint64_t random_next(uint64_t *state)
{
    *state += CONTENTS_STEP;
    return mix(*state);
}

/* 0..n-1 out of the 32 high bits of a random number */
static inline size_t random_part(uint64_t random, size_t n)
{
    return ((random >> 32) * n) >> 32;
}

static inline size_t random_below(uint64_t *state, size_t n)
{
    return random_part(random_next(state), n);
}

/* Every byte of every block instead: for the soak. */
__attribute__((unused)) static bool contents_whole;

/* From one word that is written to the next; 8: all are. */
static inline size_t contents_stride(const struct block *block)
{
    if (contents_whole || block->size <= 128 ||
        (block->size <= 64 * KIB && block->seed % 8 == 0)) {
        return 8;
    }
    return block->size <= 300 * KIB ? 4 * KIB : 64 * KIB;
}

static inline void contents_write(const struct block *block)
{
    size_t stride = contents_stride(block);
    size_t words = block->size / 8 * 8;
    uint64_t base = mix(block->seed);
    for (size_t at = 0; at + 8 <= words; at += stride) {
        uint64_t word = base + at * CONTENTS_STEP;
        memcpy(block->mem + at, &word, 8);
    }
    if (words >= 8) {
        uint64_t last = base + (words - 8) * CONTENTS_STEP;
        memcpy(block->mem + words - 8, &last, 8);
    }
    uint64_t rest = base + words * CONTENTS_STEP;
    memcpy(block->mem + words, &rest, block->size - words);
}

static inline bool word_holds(const struct block *block, size_t at, size_t len)
{
    uint64_t word = mix(block->seed) + at * CONTENTS_STEP;
    return memcmp(block->mem + at, &word, len) == 0;
}

/*
 * Looks at what was written of the first `size` bytes (after a realloc fewer
 * than were written): the offset of a wrong word, or SIZE_MAX.
 */
static inline size_t contents_wrong(const struct block *block, size_t size)
{
    size_t stride = contents_stride(block);
    size_t words = size / 8 * 8;
    uint64_t base = mix(block->seed);
    for (size_t at = 0; at + 8 <= words; at += stride) {
        uint64_t word = base + at * CONTENTS_STEP;
        uint64_t found;
        memcpy(&found, block->mem + at, 8);
        if (found != word) {
            return at;
        }
    }
    if (stride != 8 && size < block->size) {
        return SIZE_MAX;
    }
    if (words >= 8 && !word_holds(block, words - 8, 8)) {
        return words - 8;
    }
    return word_holds(block, words, size - words) ? SIZE_MAX : words;
}

/* Mostly small; few of some MiB, so that every layer is used. */
static inline size_t random_size(uint64_t *state)
{
    uint64_t random = random_next(state);
    size_t dice = random % 65536;
    if (dice < 50000) {
        return random_part(random, 257);
    }
    if (dice < 62000) {
        return random_part(random, 1100);
    }
    if (dice < 65236) {
        return random_part(random, 32 * KIB);
    }
    if (dice < 65516) {
        return random_part(random, 300 * KIB);
    }
    if (dice < 65534) {
        return random_part(random, 3 * MIB);
    }
    return random_part(random, 12 * MIB);
}

#endif
