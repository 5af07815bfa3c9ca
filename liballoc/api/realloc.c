/* SPDX-License-Identifier: MIT */
/*
 * realloc and its kin, usable sizes.
 */
#include "api/entry.h"
#include "base/bits.h"
#include "heap/bin.h"
#include "heap/fast_chunk.h"
#include "prof/prof_fast.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* A block of `usable` bytes is good for `size`: see resize_in_place(). */
ALWAYS_INLINE bool size_fits(size_t size, size_t usable)
{
    return size <= usable && size >= usable / 2;
}

/* By a handler, while the old block's sample cannot be taken out. */
static COLD void *realloc_by_copy(void *mem, size_t size)
{
    bool fresh;
    void *copy = block_alloc(size, &fresh);

    if (copy == NULL)
        return NULL;
    memcpy(copy, mem, min_size(size, block_usable(mem)));
    block_free(mem);
    return copy;
}

static void *block_realloc(void *mem, size_t size)
{
    struct prof_sample sample;

    if (UNLIKELY(watcher != NULL))
        return watcher->realloc(mem, size);
    if (has_samples() && prof_holds_back(mem))
        return realloc_by_copy(mem, size);
    bool was_sampled = has_samples() && prof_take(mem, &sample);
    size_t usable = was_sampled     ? sample.usable
                    : is_counting() ? block_usable(mem)
                                    : 0;
    void *moved = UNLIKELY(harden_active) ? harden_realloc(mem, size)
                                          : heap_realloc(mem, size);
    bool stayed = moved == mem && size_fits(size, usable);
    if (UNLIKELY(was_sampled) && (stayed || moved == NULL)) {
        sample.size = stayed ? size : sample.size;
        prof_put_back(&sample);
    } else if (is_counting() && moved != NULL && !stayed) {
        prof_count(moved, size);
    }
    return moved;
}

static void *resize(void *mem, size_t size, const char *name)
{
    if (prof_is_on()) {
        size_t usable = fast_usable(heap_back(), mem);
        if (size_fits(size, usable))
            return mem; /* not where its page has samples: usable is 0 then */
    }
    if (!init_check()) {
        errno = ENOMEM;
        return NULL;
    }
    entry_name = name;
    void *moved = block_realloc(mem, size);
    if (moved == NULL)
        errno = ENOMEM;
    return moved;
}

/* glibc's semantics: realloc(p, 0) frees p and returns NULL. */
EXPORT void *realloc(void *mem, size_t size)
{
    if (mem == NULL)
        return malloc(size);
    if (size == 0) {
        entry_free(mem, "realloc");
        return NULL;
    }
    size_t usable = fast_usable(heap_front(), mem);
    if (size_fits(size, usable))
        return mem;
    return resize(mem, size, "realloc");
}

EXPORT void *reallocarray(void *mem, size_t count, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return watch_call(realloc)(mem, total);
}

/* FreeBSD: frees the old block when it fails. */
EXPORT void *reallocf(void *mem, size_t size)
{
    void *moved = watch_call(realloc)(mem, size);

    if (moved == NULL && size != 0)
        free(mem);
    return moved;
}

/* NetBSD: resizes the array at *(void **)where; 0 or an errno value. */
EXPORT int reallocarr(void *where, size_t count, size_t size)
{
    int saved = errno;
    size_t total;
    void *mem;

    if (__builtin_mul_overflow(count, size, &total))
        return EOVERFLOW;
    memcpy(&mem, where, sizeof mem);
    void *moved = watch_call(realloc)(mem, total);
    errno = saved;
    if (moved == NULL && total != 0)
        return ENOMEM;
    memcpy(where, &moved, sizeof moved);
    /* cppcheck-suppress memleak ; it went to *where */
    return 0;
}

EXPORT size_t malloc_usable_size(void *mem)
{
    if (mem == NULL)
        return 0;
    size_t usable = fast_usable(heap_back(), mem);
    if (LIKELY(usable != 0))
        return usable;
    if (!init_check())
        return 0;
    entry_name = "malloc_usable_size";
    return block_usable(mem);
}

EXPORT size_t malloc_size(const void *mem)
{
    if (mem == NULL || !init_check())
        return 0;
    if (UNLIKELY(watcher != NULL)) {
        uintptr_t address = (uintptr_t)mem;
        return watch_call(malloc_usable_size)((void *)address);
    }
    entry_name = "malloc_size";
    return block_usable(mem);
}

/* What malloc(size) would really give; `size` where it cannot be told. */
EXPORT size_t malloc_good_size(size_t size)
{
    size += size == 0;
    if (size > MEDIUM_MAX || !init_check())
        return size;
    unsigned bin = bin_for(size);
    return bin_bytes(bin) + (bin < NSLAB ? 0 : CHUNK_OVERHEAD);
}

ALIAS(realloc) void *__libc_realloc(void *mem, size_t size);
ALIAS(reallocarray)
void *__libc_reallocarray(void *mem, size_t count, size_t size);
