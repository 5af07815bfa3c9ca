/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_WIPE_H
#define LIBALLOC_HARDEN_WIPE_H
/*
 * Fills the object of a slab with zero: `size` is a multiple of 16, and not 0.
 * Layer: harden.
 */
#include "harden/unwritten.h"

#include <string.h>

enum {
    WIPE_INLINE = 512, /* beyond, libc knows better */
};

ALWAYS_INLINE void line_clear(struct word_line *line)
{
    const word_pair zero = {0, 0};

    line->pairs[0] = line->pairs[1] = line->pairs[2] = line->pairs[3] = zero;
}

/* The last step overlaps: a loop for the rest would be guessed wrong, too. */
ALWAYS_INLINE void wipe_object(void *mem, size_t size)
{
    const word_pair zero = {0, 0};
    char *at = mem;
    char *end = at + size;

    if (UNLIKELY(size > WIPE_INLINE)) {
        memset(mem, 0, size);
        return;
    }
    if (UNLIKELY(size < sizeof(struct word_line))) {
        for (; at < end; at += 16)
            *(word_pair *)(void *)at = zero;
        return;
    }
    struct word_line *last = (void *)(end - sizeof *last);
    for (; (void *)at < (void *)last; at += sizeof *last)
        line_clear((void *)at);
    line_clear(last);
}

#endif
