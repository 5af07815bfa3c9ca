/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_LOCK_H
#define LAYOUT_LOCK_H
/*
 * The shape of a lock; base/lock.h in the allocator says how it works.
 */
#include <stdatomic.h>
#include <stdint.h>

#if defined(__clang__)
#    define LOCK_CAPABILITY __attribute__((capability("lock")))
#else
#    define LOCK_CAPABILITY
#endif

struct LOCK_CAPABILITY lock {
    _Atomic uint32_t state;  /* Atomic: 0 free, 1 taken, 2 taken and awaited */
    uint32_t rank;           /* Immutable: enum lock_rank */
    _Atomic uintptr_t owner; /* Atomic: lock_self() of the holder, or 0 */
};

#endif
