/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_GROW_H
#define LIBALLOC_PROF_GROW_H
/*
 * An array that never moves: reserved whole, usable as far as it was grown.
 * Layer: prof.  Protected by: whoever owns the array.
 */
#include "base/bits.h"
#include "os/os_mem.h"

struct grow {
    void *start; /* NULL = not reserved */
    size_t reserved;
    size_t usable;
};

enum {
    GROW_STEP = 64 * KIB,
};

/* False: no address space. */
static inline bool grow_reserve(struct grow *grow, size_t size)
{
    size = round_up(size, GROW_STEP);
    if (grow->start != NULL)
        return true;
    grow->start = os_reserve(NULL, size);
    grow->reserved = grow->start != NULL ? size : 0;
    return grow->start != NULL;
}

/* At least `size` bytes are usable, and counted; false: no memory. */
static inline bool grow_to(struct grow *grow, size_t size, uint64_t *counter)
{
    size_t wanted = round_up(size, GROW_STEP);

    if (size <= grow->usable)
        return true;
    if (wanted > grow->reserved ||
        !os_commit((char *)grow->start + grow->usable, wanted - grow->usable))
        return false;
    *counter += wanted - grow->usable;
    grow->usable = wanted;
    return true;
}

#endif
