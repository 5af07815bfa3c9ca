/* SPDX-License-Identifier: MIT */
#ifndef LAYOUT_LAYOUT_H
#define LAYOUT_LAYOUT_H
/*
 * What the allocator and every reader of its memory agree on.  Headers below
 * include/layout/ hold structures and arithmetic on values: they never
 * dereference a pointer, for the heap described may be another process's.
 */
#include <stddef.h>
#include <stdint.h>

/* A pointer into the described heap.  Readers compile with REMOTE_VIEW. */
#if defined(REMOTE_VIEW) && defined(__clang__)
#    define FAR __attribute__((noderef))
#else
#    define FAR
#endif

enum {
    LAYOUT_MAJOR = 1, /* readers refuse another major version */
    LAYOUT_MINOR = 4, /* fields only added within a major version */

    PAGE_SHIFT = 14,
    PAGE_BYTES = 1 << PAGE_SHIFT,
    MAX_ORDER = 12, /* largest block: 64 MiB */
    NORDERS = MAX_ORDER + 1,
    PAGEBLOCK_ORDER = 5, /* 512 KiB: what is small shares such blocks */
};

#endif
