/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_CANARY_H
#define LIBALLOC_HARDEN_CANARY_H
/*
 * The last word of a block's usable bytes, different for each address: an
 * overrun by a single byte changes it, and the next free or resize sees that.
 * Layer: harden.
 */
#include "base/compiler.h"
#include "base/debug.h"
#include "base/tunables.h"
#include "layout/slab.h"

#include <stdbool.h>
#include <string.h>

enum {
    CANARY_BYTES = sizeof(uintptr_t),
};

extern HIDDEN uintptr_t canary_secret; /* odd; immutable after start */

/* Bytes that each request grows by. */
static inline size_t canary_bytes(void)
{
    return tunables.canary != 0 ? CANARY_BYTES : 0;
}

/* `usable` counts from `mem`, canary included. */
static inline void canary_set(void *mem, size_t usable)
{
    uintptr_t value = canary_word((uintptr_t)mem, canary_secret);

    if (tunables.canary != 0)
        memcpy((char *)mem + usable - CANARY_BYTES, &value, CANARY_BYTES);
}

static inline void canary_check(const void *mem, size_t usable)
{
    uintptr_t value = canary_word((uintptr_t)mem, canary_secret);

    if (tunables.canary != 0 &&
        UNLIKELY(memcmp((const char *)mem + usable - CANARY_BYTES, &value,
                        CANARY_BYTES) != 0))
        fatal("corrupted block (overrun)", mem);
}

#endif
