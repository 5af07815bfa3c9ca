/* SPDX-License-Identifier: MIT */
/*
 * Aligned allocation, each entry with its own rules about bad alignments.
 */
#include "api/entry.h"
#include "base/bits.h"
#include "heap/fast.h"
#include "layout/chunk.h"
#include "os/os_mem.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void *entry_aligned(size_t align, size_t size, const char *name, bool set_errno)
{
    void *mem = NULL;

    if (align <= CHUNK_HEADER && set_errno)
        return entry_alloc(size, name);
    if (LIKELY(align > CHUNK_HEADER)) {
        mem = fast_alloc_aligned(heap_front(), size, align);
        if (LIKELY(mem != NULL))
            return mem;
    }
    if (init_check()) {
        bool fresh;
        entry_name = name;
        mem = align <= CHUNK_HEADER ? block_alloc(size, &fresh)
                                    : block_alloc_aligned(size, align);
    }
    if (mem == NULL && set_errno) {
        errno = ENOMEM;
    } else if (mem != NULL && UNLIKELY(tunables.perturb != 0)) {
        memset(mem, (int)(tunables.perturb ^ 0xff), size);
    }
    return mem;
}

/* ISO C, as glibc since 2.38: an alignment that is no power of two is wrong. */
EXPORT void *aligned_alloc(size_t align, size_t size)
{
    if (!is_pow2(align)) {
        errno = EINVAL;
        return NULL;
    }
    return entry_aligned(align, size, "aligned_alloc", true);
}

static NOINLINE int posix_memalign_slow(void **out, size_t align, size_t size)
{
    if (!is_pow2(align) || align % sizeof(void *) != 0)
        return EINVAL;
    void *mem = entry_aligned(align, size, "posix_memalign", false);
    if (mem == NULL)
        return ENOMEM;
    *out = mem;
    return 0;
}

/* POSIX: returns the error, leaves errno and *out alone when it fails. */
EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    if (LIKELY(is_pow2(align)) && LIKELY(align > CHUNK_HEADER)) {
        void *mem = fast_alloc_aligned(heap_front(), size, align);
        if (LIKELY(mem != NULL)) {
            *out = mem;
            return 0;
        }
    }
    return posix_memalign_slow(out, align, size);
}

/* glibc: rounds other alignments up; EINVAL beyond the largest power of two. */
EXPORT void *memalign(size_t align, size_t size)
{
    if (align > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return NULL;
    }
    align = align <= 1 ? 1 : (size_t)1 << log2_ceil(align);
    return entry_aligned(align, size, "memalign", true);
}

EXPORT void *valloc(size_t size)
{
    return entry_aligned(os_page_size(), size, "valloc", true);
}

EXPORT void *pvalloc(size_t size)
{
    size_t page = os_page_size();

    if (size > PTRDIFF_MAX - page) {
        errno = ENOMEM;
        return NULL;
    }
    size = round_up(size + (size == 0), page);
    if (UNLIKELY(watcher != NULL))
        return watch_call(memalign)(page, size);
    return entry_aligned(page, size, "pvalloc", true);
}

ALIAS(memalign) void *__libc_memalign(size_t align, size_t size);
ALIAS(valloc) void *__libc_valloc(size_t size);
ALIAS(pvalloc) void *__libc_pvalloc(size_t size);
ALIAS(posix_memalign)
int __posix_memalign(void **out, size_t align, size_t size);
