/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_API_ENTRY_H
#define LIBALLOC_API_ENTRY_H
/*
 * Shared by the entry points: start of the library, name for error lines,
 * errno.  The only layer that sets errno.
 * Layer: api.
 */
#include "api/init.h"
#include "api/watch.h"
#include "base/debug.h"
#include "base/tunables.h"
#include "harden/harden.h"
#include "heap/heap.h"
#include "prof/prof.h"

/* Symbols of the C library and of other systems that no header declares. */
void cfree(void *mem);
void vfree(void *mem);
void free_sized(void *mem, size_t size);
void free_aligned_sized(void *mem, size_t align, size_t size);
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *mem, size_t size);
void *__libc_reallocarray(void *mem, size_t count, size_t size);
void *__libc_memalign(size_t align, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_free(void *mem);
void __libc_cfree(void *mem);
int __posix_memalign(void **out, size_t align, size_t size);
void *reallocf(void *mem, size_t size);
int reallocarr(void *where, size_t count, size_t size);
size_t malloc_size(const void *mem);
size_t malloc_good_size(size_t size);

static inline bool is_counting(void)
{
    /* stale ok: see prof.h */
    return UNLIKELY(load_relaxed(&prof_counts));
}

static inline bool has_samples(void)
{
    /* stale ok: see prof.h */
    return UNLIKELY(load_relaxed(&prof_has_samples));
}

/* Where hardened mode, the profile, or a tool that watches has a say. */
static inline void *block_alloc(size_t size, bool *fresh)
{
    if (UNLIKELY(watcher != NULL)) {
        *fresh = false;
        return watcher->alloc(size, 16);
    }
    if (is_counting())
        return prof_alloc(size, fresh);
    return UNLIKELY(harden_active) ? harden_alloc(size, fresh)
                                   : heap_alloc(size, fresh);
}

static inline void *block_alloc_aligned(size_t size, size_t align)
{
    if (UNLIKELY(watcher != NULL))
        return watcher->alloc(size, align);
    if (is_counting())
        return prof_alloc_aligned(size, align);
    return UNLIKELY(harden_active) ? harden_alloc_aligned(size, align)
                                   : heap_alloc_aligned(size, align);
}

static inline void block_free(void *mem)
{
    struct prof_sample sample;

    if (UNLIKELY(watcher != NULL)) {
        watcher->free(mem);
        return;
    }
    if (has_samples()) {
        if (prof_defers_free(mem))
            return;
        (void)prof_take(mem, &sample);
    }
    if (UNLIKELY(harden_active)) {
        harden_free(mem);
    } else {
        heap_free(mem);
    }
}

static inline size_t block_usable(const void *mem)
{
    struct block block;

    if (UNLIKELY(watcher != NULL))
        return watcher->usable(mem);
    if (UNLIKELY(harden_active))
        return harden_usable(mem);
    block_find(mem, &block);
    return block.usable;
}

/* Hardened mode, and nothing else has a say. */
static inline bool is_hardened_only(void)
{
    return UNLIKELY(harden_quick) && LIKELY(watcher == NULL) &&
           !is_counting() && tunables.perturb == 0;
}

/* Slow allocation for the entry `name`; NULL with errno = ENOMEM. */
void *entry_alloc(size_t size, const char *name);

/* Slow free of a non-NULL pointer for the entry `name`. */
void entry_free(void *mem, const char *name);

/*
 * `align` is a power of two; NULL with errno = ENOMEM, or untouched where
 * `set_errno` is false.
 */
void *entry_aligned(size_t align, size_t size, const char *name,
                    bool set_errno);

#endif
