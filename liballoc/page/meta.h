/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PAGE_META_H
#define LIBALLOC_PAGE_META_H
/*
 * Memory for the allocator's own structures, in mappings of their own: no
 * overflow of a user's block reaches it.  Never given back.
 * Layer: page.  Thread safe (LOCK_RANK_META).
 */
#include "base/compiler.h"
#include "base/lock.h"

#include <stddef.h>

/*
 * Zeroed, aligned to 64 and to `align`, a power of two up to the system page;
 * NULL = no memory.
 */
void *meta_alloc(size_t size, size_t align);

/* Bytes obtained so far. */
size_t meta_bytes(void);

extern HIDDEN struct lock meta_lock; /* for atfork */

#endif
