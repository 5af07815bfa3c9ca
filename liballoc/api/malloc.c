/* SPDX-License-Identifier: MIT */
/*
 * malloc, calloc, free: the entry points and their fast paths.
 */
#include "api/entry.h"
#include "heap/fast.h"
#include "heap/fast_chunk.h"
#include "heap/remote.h"
#include "prof/prof_fast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *entry_alloc(size_t size, const char *name)
{
    bool fresh;

    if (!init_check()) {
        errno = ENOMEM;
        return NULL;
    }
    entry_name = name;
    void *mem = block_alloc(size, &fresh);
    if (UNLIKELY(mem == NULL)) {
        errno = ENOMEM;
    } else if (UNLIKELY(tunables.perturb != 0)) {
        memset(mem, (int)(tunables.perturb ^ 0xff), size);
    }
    return mem;
}

/* Calls at its ends alone, so it saves no register: all that is counted comes
   through here. */
static NOINLINE void *malloc_counted(size_t size)
{
    void *mem = prof_fast_alloc(size);

    if (UNLIKELY(mem == NULL))
        return entry_alloc(size, "malloc");
    return UNLIKELY(sampler_passes(size)) ? prof_hit(mem, size) : mem;
}

static NOINLINE void *malloc_uncounted(size_t size)
{
    if (is_hardened_only()) {
        void *mem = harden_quick_alloc(size);
        if (LIKELY(mem != NULL))
            return mem;
    }
    return entry_alloc(size, "malloc");
}

static NOINLINE void *malloc_slow(size_t size)
{
    return prof_is_on() ? malloc_counted(size) : malloc_uncounted(size);
}

static NOINLINE void *malloc_medium(size_t size)
{
    struct heap *heap = heap_front();

    if (LIKELY(size <= MEDIUM_MAX)) {
        void *mem = fast_alloc_medium(heap, size);
        if (LIKELY(mem != NULL))
            return mem;
    }
    return malloc_slow(size);
}

EXPORT void *malloc(size_t size)
{
    if (UNLIKELY(size > SMALL_MAX))
        return malloc_medium(size);
    void *mem = fast_alloc_small(heap_front(), size);
    return LIKELY(mem != NULL) ? mem : malloc_slow(size);
}

void entry_free(void *mem, const char *name)
{
    if (!init_check())
        return;
    entry_name = name;
    if (UNLIKELY(tunables.perturb != 0))
        memset(mem, (int)tunables.perturb, block_usable(mem));
    block_free(mem);
}

enum {
    MAINTAIN_EVERY =
        64, /* frees of others' objects between looks at the clock */
};

static NOINLINE void free_hardened(void *mem)
{
    entry_name = "free";
    if (LIKELY(watcher == NULL) && LIKELY(tunables.perturb == 0) &&
        LIKELY(harden_quick_free(mem)))
        return;
    if (mem != NULL)
        entry_free(mem, "free");
}

/* Full bins, objects of other heaps, then all the rest: large, errors. */
static NOINLINE void free_slow(void *mem)
{
    struct heap *heap = heap_back();
    uint32_t kind = fast_kind(heap, mem);

    if (UNLIKELY(harden_wraps)) {
        free_hardened(mem);
        return;
    }
    if (kind < NSLAB && LIKELY(fast_is_object(heap, mem, kind))) {
        if (UNLIKELY(bin_spill(heap, kind, mem)))
            heap_maintain(heap);
        return;
    }
    if (fast_is_foreign(heap, kind) &&
        remote_free_tagged(heap, kind ^ heap->tag, mem)) {
        if (UNLIKELY(++heap->foreign % MAINTAIN_EVERY == 0))
            heap_maintain(heap);
        return;
    }
    if (mem != NULL)
        entry_free(mem, "free");
}

/*
 * Not an object of one of the heap's own slabs: its own chunks here, the rest
 * further on.  No call but the last, so that it needs no stack frame.
 */
static NOINLINE void free_other(void *mem, struct heap *heap, uint32_t kind)
{
    if (UNLIKELY(kind != KIND_CHUNK) || UNLIKELY(!fast_free_chunk(heap, mem)))
        free_slow(mem);
}

EXPORT void free(void *mem)
{
    struct heap *heap = heap_back();
    uint32_t kind = fast_kind(heap, mem);

    if (UNLIKELY(kind >= NSLAB)) {
        free_other(mem, heap, kind);
    } else if (UNLIKELY(!fast_free_object(heap, mem, kind))) {
        free_slow(mem);
    }
}

/* Beyond the small bins: memory that comes fresh is zero already. */
static NOINLINE void *calloc_slow(size_t size)
{
    bool fresh;

    if (is_hardened_only()) {
        void *mem = harden_quick_alloc(size);
        if (LIKELY(mem != NULL))
            return mem;
    }
    if (!init_check()) {
        errno = ENOMEM;
        return NULL;
    }
    entry_name = "calloc";
    void *mem = block_alloc(size, &fresh);
    if (mem == NULL) {
        errno = ENOMEM;
    } else if (!fresh) {
        memset(mem, 0, size);
    }
    return mem;
}

EXPORT void *calloc(size_t count, size_t size)
{
    size_t total;

    if (UNLIKELY(__builtin_mul_overflow(count, size, &total))) {
        errno = ENOMEM;
        return NULL;
    }
    if (UNLIKELY(total > SMALL_MAX))
        return calloc_slow(total);
    void *mem = fast_alloc_small(heap_front(), total);
    if (UNLIKELY(mem == NULL))
        return calloc_slow(total);
    return memset(mem, 0, total);
}

EXPORT void cfree(void *mem)
{
    free(mem);
}

EXPORT void vfree(void *mem)
{
    free(mem);
}

/*
 * C23 leaves a wrong size undefined: one that is too large is an error here.
 * A smaller one may be right: realloc() shrinks in place.
 */
static void free_checked(void *mem, size_t size, const char *name)
{
    if (mem == NULL || !init_check())
        return;
    entry_name = name;
    if (UNLIKELY(watcher != NULL)) {
        watch_call(free)(mem);
        return;
    }
    if (size > block_usable(mem))
        fatal("invalid size", mem);
    free(mem);
}

EXPORT void free_sized(void *mem, size_t size)
{
    free_checked(mem, size, "free_sized");
}

EXPORT void free_aligned_sized(void *mem, size_t align, size_t size)
{
    if (align != 0 && ((uintptr_t)mem & (align - 1)) != 0) {
        entry_name = "free_aligned_sized";
        fatal("invalid alignment", mem);
    }
    free_checked(mem, size, "free_aligned_sized");
}

ALIAS(malloc) void *__libc_malloc(size_t size);
ALIAS(calloc) void *__libc_calloc(size_t count, size_t size);
ALIAS(free) void __libc_free(void *mem);
ALIAS(free) void __libc_cfree(void *mem);
