/* SPDX-License-Identifier: MIT */
/*
 * malloc's family and C++'s, recorded and passed to the next library in the
 * link order: the allocator that is preloaded behind this one, or libc.
 *
 * dlsym() may allocate before it has found malloc: such blocks come from a
 * small static buffer and never go back.
 */
#include "recorder.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *mem, size_t size);
    void *(*memalign)(size_t align, size_t size);
    void (*free)(void *mem);
} next;

static _Alignas(16) unsigned char early[32768];
static size_t early_used;

static void *early_alloc(size_t size)
{
    size_t rounded = (size + 31) & ~(size_t)15;
    if (rounded < size || rounded > sizeof early - early_used)
        abort();
    unsigned char *mem = early + early_used + 16;
    early_used += rounded;
    /* The size before the block, for realloc. */
    memcpy(mem - 16, &size, sizeof size);
    return mem;
}

static bool early_owns(const void *mem)
{
    uintptr_t address = (uintptr_t)mem;
    return address - (uintptr_t)early < sizeof early;
}

/* ISO C knows no way from dlsym's object pointer to a function. */
static void find_next(const char *name, void *function)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    memcpy(function, &found, sizeof found);
}

/*
 * The first call comes from the dynamic linker's thread, long before a second
 * one can exist.  False: we are within it.
 */
static bool ready(void)
{
    static enum { COLD, STARTING, READY } state;
    if (__builtin_expect(state == READY, 1))
        return true;
    if (state == STARTING)
        return false;
    state = STARTING;
    find_next("calloc", &next.calloc);
    find_next("malloc", &next.malloc);
    find_next("realloc", &next.realloc);
    find_next("memalign", &next.memalign);
    find_next("free", &next.free);
    recorder_init();
    state = READY;
    return true;
}

EXPORT void *malloc(size_t size)
{
    if (!ready())
        return early_alloc(size);
    bool recorded = recorder_enter();
    void *mem = next.malloc(size);
    if (recorded && mem)
        recorder_event(RECORD_MALLOC, mem, size, 0);
    recorder_leave();
    return mem;
}

EXPORT void *calloc(size_t count, size_t size)
{
    if (!ready())
        return early_alloc(count * size); /* static: zero */
    bool recorded = recorder_enter();
    void *mem = next.calloc(count, size);
    if (recorded && mem)
        recorder_event(RECORD_CALLOC, mem, count * size, 0);
    recorder_leave();
    return mem;
}

EXPORT void free(void *mem)
{
    if (!mem || early_owns(mem) || !ready())
        return;
    if (recorder_enter())
        recorder_event(RECORD_FREE, mem, 0, 0);
    next.free(mem);
    recorder_leave();
}

static void *early_realloc(void *mem, size_t size)
{
    size_t old = 0;
    memcpy(&old, (unsigned char *)mem - 16, sizeof old);
    void *moved = malloc(size);
    if (moved)
        memcpy(moved, mem, old < size ? old : size);
    return moved;
}

EXPORT void *realloc(void *mem, size_t size)
{
    if (!mem || !ready())
        return malloc(size);
    if (early_owns(mem))
        return early_realloc(mem, size);
    bool recorded = recorder_enter();
    if (recorded)
        recorder_event(RECORD_REALLOC, mem, size, 0);
    void *moved = next.realloc(mem, size);
    if (recorded)
        recorder_event(RECORD_REALLOCED, moved, size, 0);
    recorder_leave();
    return moved;
}

EXPORT void *reallocarray(void *mem, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(mem, bytes);
}

EXPORT void *memalign(size_t align, size_t size)
{
    if (!ready())
        return early_alloc(size);
    bool recorded = recorder_enter();
    void *mem = next.memalign(align, size);
    if (recorded && mem) {
        recorder_event(RECORD_ALIGNED, mem, size,
                       (unsigned)__builtin_ctzll(align | 1ull << 63));
    }
    recorder_leave();
    return mem;
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
    if (align < sizeof(void *) || (align & (align - 1)))
        return EINVAL;
    int saved = errno;
    void *mem = memalign(align, size);
    errno = saved;
    if (!mem)
        return ENOMEM;
    *out = mem;
    return 0;
}

EXPORT void *valloc(size_t size)
{
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

EXPORT void *pvalloc(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return memalign(page, (size + page - 1) & ~(page - 1));
}
