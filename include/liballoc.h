/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_H
#define LIBALLOC_H
/*
 * liballoc.h: what liballoc offers beyond the standard malloc family: pages,
 * object caches, statistics, tunables, snapshots.  All functions are thread
 * safe.  None but liballoc_snapshot() is async-signal-safe.  After fork() the
 * child may call all of them.
 *
 * A program that only wants a faster malloc needs no header: preload or link
 * the library.
 */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBALLOC_VERSION_MAJOR 0
#define LIBALLOC_VERSION_MINOR 1
#define LIBALLOC_VERSION_PATCH 0

/* "0.1.0"; a constant string. */
const char *liballoc_version(void);

/*
 * Pages: the kernel's alloc_pages() family on liballoc's own zone.
 *
 * A page has LIBALLOC_PAGE_SIZE bytes.  A block of order n is 2^n pages,
 * aligned to its own size, n in 0..LIBALLOC_MAX_ORDER.  Memory is not zeroed
 * unless LIBALLOC_ZERO is given.  Failure: NULL, errno = ENOMEM, or EINVAL
 * for an order or a size out of range.  Source: Linux mm/page_alloc.c.
 */
#define LIBALLOC_PAGE_SIZE ((size_t)16384)
#define LIBALLOC_MAX_ORDER 12u

#define LIBALLOC_ZERO 1u /* flags: the memory reads as zero (__GFP_ZERO) */

void *liballoc_pages_alloc(unsigned order, unsigned flags);
void *liballoc_pages_zeroed(unsigned order);

/* `order` must be that of the allocation: a mismatch aborts.  NULL is fine. */
void liballoc_pages_free(void *mem, unsigned order);

/*
 * `size` bytes (1..64 MiB) rounded up to whole pages, not to a power of two:
 * the tail of the block goes back to the zone at once.
 */
void *liballoc_pages_alloc_exact(size_t size, unsigned flags);
void liballoc_pages_free_exact(void *mem, size_t size);

/* Up to `n` blocks into `out[]`; returns how many (fewer only on ENOMEM). */
size_t liballoc_pages_alloc_bulk(unsigned order, unsigned flags, size_t n,
                                 void **out);
void liballoc_pages_free_bulk(unsigned order, size_t n, void **mem);

/*
 * Object caches: kmem_cache_create() and its friends.
 *
 * `name`   a label for the inspector; copied, cut to 31 bytes.
 * `size`   bytes of an object, 1..LIBALLOC_CACHE_SIZE_MAX.
 * `align`  a power of two up to 4096, or 0 for 16.
 * `ctor`   run once on each object when its slab is made; an object must be
 *          given back in its constructed state.  May be NULL.
 *
 * Without constructor, alignment over 16 and LIBALLOC_NO_MERGE, a cache of at
 * most 1 KiB shares the slabs of malloc's size class ("merging of like
 * caches"), and such objects may also be given to free().
 * Failure: NULL, errno = EINVAL or ENOMEM.
 * Sources: Bonwick, The Slab Allocator (USENIX 1994); Linux mm/slub.c.
 */
#define LIBALLOC_CACHE_SIZE_MAX ((size_t)65536)
#define LIBALLOC_NO_MERGE \
    2u /* cache flags: never share slabs (SLAB_NO_MERGE) */

struct liballoc_cache;

struct liballoc_cache *liballoc_cache_create(const char *name, size_t size,
                                             size_t align, unsigned flags,
                                             void (*ctor)(void *object));

/* `flags`: LIBALLOC_ZERO (not with a constructor) or 0. */
void *liballoc_cache_alloc(struct liballoc_cache *cache, unsigned flags);
void liballoc_cache_free(struct liballoc_cache *cache, void *object);
size_t liballoc_cache_alloc_bulk(struct liballoc_cache *cache, unsigned flags,
                                 size_t n, void **out);
void liballoc_cache_free_bulk(struct liballoc_cache *cache, size_t n,
                              void **objects);

/* Returns empty slabs to the zone; the bytes released. */
size_t liballoc_cache_shrink(struct liballoc_cache *cache);

/* 0; or -1 with errno = EBUSY while objects of an unmerged cache are live. */
int liballoc_cache_destroy(struct liballoc_cache *cache);

/*
 * Statistics, from a walk over the heap's own structures, not from counters
 * on the fast path.  Bytes unless the name says otherwise.  Figures of other
 * threads are read while these run: exact only when they rest.
 */
struct liballoc_stats {
    uint64_t live;           /* in use by the program, rounded to classes */
    uint64_t cached;         /* free, in bins and spare chains of threads */
    uint64_t slab_free;      /* free inside slabs */
    uint64_t chunk_free;     /* free chunks of arenas, top included */
    uint64_t page_free;      /* free pages of the zones that may be resident */
    uint64_t page_clean;     /* free pages of the zones given back already */
    uint64_t mmapped;        /* in mmapped chunks, live */
    uint64_t mmapped_cached; /* in mmapped chunks kept for reuse */
    uint64_t metadata;       /* page map, descriptors, heaps: touched part */
    uint64_t committed;      /* usable address space obtained from the OS */
    uint64_t heaps;          /* count: thread heaps, idle ones included */
    uint64_t heaps_idle;     /* count: heaps waiting for a thread */
    uint64_t slabs;          /* count */
    uint64_t mmapped_chunks; /* count: live mmapped chunks */
    uint64_t purged;         /* bytes given back by madvise since start */
    uint64_t os_calls;       /* count: memory system calls since start */
};

/*
 * Fills the first `size` bytes of *out (pass sizeof *out: the structure may
 * grow at its end).  0, or -1 with errno = EINVAL.
 */
int liballoc_stats_get(struct liballoc_stats *out, size_t size);

/*
 * The same as one JSON object, NUL-terminated, cut to `len` bytes.  Returns
 * the length it needs without the NUL, as snprintf does.
 */
int liballoc_stats_json(char *buf, size_t len);

/*
 * Tunables by name (docs/tunables.md lists them).  0; or -1 with errno =
 * ENOENT for an unknown name, ERANGE for a value out of range, EPERM for one
 * that can only be set before the program starts (LIBALLOC_CONF).
 */
int liballoc_tunable_get(const char *name, uint64_t *value);
int liballoc_tunable_set(const char *name, uint64_t value);

/*
 * Writes a snapshot of the heap for heapinspect: an ELF core that debuggers
 * open as well, of the allocator's metadata; with LIBALLOC_CONTENT also all
 * private writable memory of the process.  The file `path` must not exist
 * and appears when it is whole.  The caller waits; other threads are held up
 * only while the process is cloned (some milliseconds per GiB), and what is
 * written is the heap at that moment.
 *
 * 0, or -1 with errno: EEXIST, ENOSPC, EACCES and so on for the file, EINVAL
 * for unknown flags, ENOMEM before the first allocation or without memory for
 * about 1 MiB of scratch, EFAULT if the heap is too damaged to be walked.
 * Async-signal-safe, needs no permission to trace, uses no heap.  Thread safe.
 * With the tunable dump_signal a signal does the same from outside.
 */
#define LIBALLOC_CONTENT 1u /* flags: what the program stored, too */

int liballoc_snapshot(const char *path, unsigned flags);

/*
 * The sampled heap profile: which stacks allocated what is live, one block in
 * `period` bytes on average (0: the tunable prof_period, 2 MiB).  Takes effect
 * in all threads at once.  heapinspect prof reads it from the live process, a
 * core or a snapshot; liballoc_prof_dump() writes such a snapshot.
 *
 * liballoc_prof_start() loads libunwind (dlopen) when it is called first: not
 * for signal handlers, nor where the loader's lock may be held.  0; or -1 with
 * errno = EINVAL for a period above 1 TiB, ENOMEM, ENOTSUP under Valgrind and
 * sanitizers.  While it is on, each malloc and free takes some nanoseconds
 * more; samples taken stay until their block is freed, also after _stop().
 */
int liballoc_prof_start(size_t period);
void liballoc_prof_stop(void);
int liballoc_prof_dump(const char *path); /* as liballoc_snapshot(path, 0) */

#ifdef __cplusplus
}
#endif
#endif
