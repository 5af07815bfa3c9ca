/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_HARDEN_HARDEN_H
#define LIBALLOC_HARDEN_HARDEN_H
/*
 * Hardened mode, a layer around every block of the program:
 *
 *   mem -> +----------------------------+----------+
 *          | what the program asked for |  canary  |
 *          +----------------------------+----------+
 *           zero from free on, until it is handed out again
 *
 *   malloc: guarded sample? .. heap .. still zero? .. canary
 *   free:   a block? .. canary intact? .. zero .. quarantine .. heap
 *
 * Each part is a tunable of its own; `harden` sets them all.  Thread safe as
 * heap/heap.h; errno is never touched.
 * Layer: harden.  Source: Novark and Berger, DieHarder (CCS 2010); LLVM's
 * documents on Scudo and GWP-ASan; the kernel's CONFIG_SLAB_FREELIST_HARDENED,
 * init_on_free and KFENCE.
 */
#include <stdbool.h>
#include <stddef.h>

/* Immutable after start: blocks may be ours, every slow call comes here. */
extern bool harden_active __attribute__((visibility("hidden")));

/* Immutable after start: every call is a slow one. */
extern bool harden_wraps __attribute__((visibility("hidden")));

/* Immutable after start: harden_check_size() wants to be asked. */
extern bool harden_sizes __attribute__((visibility("hidden")));

/*
 * Immutable after start: blocks have all that level 1 gives them, and what is
 * in slabs goes by harden_quick_alloc() and harden_quick_free().
 */
extern bool harden_quick __attribute__((visibility("hidden")));

/*
 * Reads the tunables, sets up what they ask for.  Called once at start,
 * before the first block is handed out.
 */
void harden_init(void);

/*
 * For callers that know of nothing else to be done: NULL or false = nothing
 * happened, take the long way.  Any size, any pointer.
 */
void *harden_quick_alloc(size_t size); /* reads as zero */
bool harden_quick_free(void *mem);

/* Any size; NULL = no memory.  *fresh: the memory reads as zero. */
void *harden_alloc(size_t size, bool *fresh);

/* `align` a power of two above 16; NULL = no memory. */
void *harden_alloc_aligned(size_t size, size_t align);

/* Any pointer but NULL; fatal if it is not the start of a block in use. */
void harden_free(void *mem);

/* As heap_realloc(). */
void *harden_realloc(void *mem, size_t size);

/* Bytes the program may use, at least what it asked for; fatal as free. */
size_t harden_usable(const void *mem);

/*
 * Fatal if a block that new was asked for with `size` and `align` (0: none
 * given) cannot be the one at `mem`.  Not for blocks that realloc() may have
 * shrunk.
 */
void harden_check_size(const void *mem, size_t size, size_t align);

/* Empties the calling thread's quarantine. */
void harden_trim(void);

#endif
