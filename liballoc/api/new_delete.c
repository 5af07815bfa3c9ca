/* SPDX-License-Identifier: MIT */
/*
 * The C++ operators new and delete, by their mangled names (Itanium ABI,
 * LP64): m = unsigned long, RKSt9nothrow_t = const std::nothrow_t &,
 * St11align_val_t = std::align_val_t.
 *
 * A throwing new calls the new-handler until it gives up, then throws through
 * libstdc++ where that is loaded; compiled with unwind tables.
 */
#include "api/entry.h"
#include "base/bits.h"
#include "heap/fast.h"

#include <stdlib.h>

typedef void new_handler(void);

/* libstdc++'s; absent in a C program. */
__attribute__((weak)) new_handler *_ZSt15get_new_handlerv(void);
__attribute__((weak)) void _ZSt17__throw_bad_allocv(void);

#define OPERATOR(decl) \
    EXPORT decl;       \
    EXPORT decl

/* Before giving up: true = a handler ran, try again. */
static bool new_handler_ran(void)
{
    if (_ZSt15get_new_handlerv == NULL)
        return false;
    new_handler *handler = _ZSt15get_new_handlerv();
    if (handler == NULL)
        return false;
    handler();
    return true;
}

static void *new_slow(size_t size, size_t align, bool may_throw)
{
    for (;;) {
        void *mem = align == 0
                        ? entry_alloc(size, "operator new")
                        : entry_aligned(align, size, "operator new", true);
        if (mem != NULL)
            return mem;
        if (!new_handler_ran())
            break;
    }
    if (!may_throw)
        return NULL;
    if (_ZSt17__throw_bad_allocv != NULL)
        _ZSt17__throw_bad_allocv();
    fatal("out of memory, and nobody to throw std::bad_alloc", NULL);
}

ALWAYS_INLINE void *new_object(size_t size, bool may_throw)
{
    if (LIKELY(size <= SMALL_MAX)) {
        void *mem = fast_alloc_small(heap_front(), size);
        if (LIKELY(mem != NULL))
            return mem;
    }
    return new_slow(size, 0, may_throw);
}

static void *new_aligned(size_t size, size_t align, bool may_throw)
{
    /* An alignment that is no power of two is undefined; be kind. */
    if (!is_pow2(align))
        align = align <= 1 ? 1 : (size_t)1 << log2_ceil(align);
    return new_slow(size, align, may_throw);
}

OPERATOR(void *_Znwm(size_t size))
{
    return new_object(size, true);
}

OPERATOR(void *_Znam(size_t size))
{
    return new_object(size, true);
}

OPERATOR(void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag))
{
    (void)tag;
    return new_object(size, false);
}

OPERATOR(void *_ZnamRKSt9nothrow_t(size_t size, const void *tag))
{
    (void)tag;
    return new_object(size, false);
}

OPERATOR(void *_ZnwmSt11align_val_t(size_t size, size_t align))
{
    return new_aligned(size, align, true);
}

OPERATOR(void *_ZnamSt11align_val_t(size_t size, size_t align))
{
    return new_aligned(size, align, true);
}

OPERATOR(void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t align,
                                                  const void *tag))
{
    (void)tag;
    return new_aligned(size, align, false);
}

OPERATOR(void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t align,
                                                  const void *tag))
{
    (void)tag;
    return new_aligned(size, align, false);
}

/* The compiler knows what was asked for; hardened mode wants to hear it. */
ALWAYS_INLINE void delete_sized(void *mem, size_t size, size_t align)
{
    if (UNLIKELY(harden_sizes) && mem != NULL) {
        entry_name = "operator delete";
        harden_check_size(mem, size, align);
    }
    free(mem);
}

OPERATOR(void _ZdlPv(void *mem))
{
    free(mem);
}

OPERATOR(void _ZdaPv(void *mem))
{
    free(mem);
}

OPERATOR(void _ZdlPvm(void *mem, size_t size))
{
    delete_sized(mem, size, 0);
}

OPERATOR(void _ZdaPvm(void *mem, size_t size))
{
    delete_sized(mem, size, 0);
}

OPERATOR(void _ZdlPvRKSt9nothrow_t(void *mem, const void *tag))
{
    (void)tag;
    free(mem);
}

OPERATOR(void _ZdaPvRKSt9nothrow_t(void *mem, const void *tag))
{
    (void)tag;
    free(mem);
}

OPERATOR(void _ZdlPvSt11align_val_t(void *mem, size_t align))
{
    (void)align;
    free(mem);
}

OPERATOR(void _ZdaPvSt11align_val_t(void *mem, size_t align))
{
    (void)align;
    free(mem);
}

OPERATOR(void _ZdlPvmSt11align_val_t(void *mem, size_t size, size_t align))
{
    delete_sized(mem, size, align);
}

OPERATOR(void _ZdaPvmSt11align_val_t(void *mem, size_t size, size_t align))
{
    delete_sized(mem, size, align);
}

OPERATOR(void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *mem, size_t align,
                                                  const void *tag))
{
    (void)align;
    (void)tag;
    free(mem);
}

OPERATOR(void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *mem, size_t align,
                                                  const void *tag))
{
    (void)align;
    (void)tag;
    free(mem);
}
