/* SPDX-License-Identifier: MIT */
/*
 * C++'s operators new and delete by their mangled names.  libstdc++'s call
 * malloc and would be seen there; those of an allocator often do not.  A throw
 * passes through these frames: they are compiled with -fexceptions.
 *
 * Suffixes: n single, a array; m size_t; t std::align_val_t; o nothrow.
 */
#include "recorder.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct nothrow;

/*
 * NULL: a plug-in brought libstdc++ along for itself, and RTLD_NEXT does not
 * see it.  Then malloc and free do, with no std::bad_alloc.
 */
static void *operator_find(_Atomic(void *) *known, const char *name)
{
    /* stale ok: two threads find the same. */
    void *found = atomic_load_explicit(known, memory_order_relaxed);
    if (found)
        return found;
    found = dlsym(RTLD_NEXT, name);
    atomic_store_explicit(known, found, memory_order_relaxed);
    return found;
}

static void leave(const bool *recorded)
{
    (void)recorded;
    recorder_leave();
}

static unsigned log2_of(size_t align)
{
    return (unsigned)__builtin_ctzll(align | 1ull << 63);
}

static void *plain_new(size_t size, unsigned align_log2)
{
    void *mem = align_log2 ? aligned_alloc((size_t)1 << align_log2, size)
                           : malloc(size);
    if (!mem)
        abort();
    return mem;
}

/* N(symbol, (parameters), (arguments), how it is recorded) */
#define NEW_OPERATORS(N)                                                \
    N(_Znwm, (size_t size), (size), RECORD_MALLOC, 0)                   \
    N(_Znam, (size_t size), (size), RECORD_MALLOC, 0)                   \
    N(_ZnwmRKSt9nothrow_t, (size_t size, const struct nothrow *tag),    \
      (size, tag), RECORD_MALLOC, 0)                                    \
    N(_ZnamRKSt9nothrow_t, (size_t size, const struct nothrow *tag),    \
      (size, tag), RECORD_MALLOC, 0)                                    \
    N(_ZnwmSt11align_val_t, (size_t size, size_t align), (size, align), \
      RECORD_ALIGNED, log2_of(align))                                   \
    N(_ZnamSt11align_val_t, (size_t size, size_t align), (size, align), \
      RECORD_ALIGNED, log2_of(align))                                   \
    N(_ZnwmSt11align_val_tRKSt9nothrow_t,                               \
      (size_t size, size_t align, const struct nothrow *tag),           \
      (size, align, tag), RECORD_ALIGNED, log2_of(align))               \
    N(_ZnamSt11align_val_tRKSt9nothrow_t,                               \
      (size_t size, size_t align, const struct nothrow *tag),           \
      (size, align, tag), RECORD_ALIGNED, log2_of(align))

/* D(symbol, (parameters), (arguments)) */
#define DELETE_OPERATORS(D)                                                    \
    D(_ZdlPv, (void *mem), (mem))                                              \
    D(_ZdaPv, (void *mem), (mem))                                              \
    D(_ZdlPvm, (void *mem, size_t size), (mem, size))                          \
    D(_ZdaPvm, (void *mem, size_t size), (mem, size))                          \
    D(_ZdlPvRKSt9nothrow_t, (void *mem, const struct nothrow *tag),            \
      (mem, tag))                                                              \
    D(_ZdaPvRKSt9nothrow_t, (void *mem, const struct nothrow *tag),            \
      (mem, tag))                                                              \
    D(_ZdlPvSt11align_val_t, (void *mem, size_t align), (mem, align))          \
    D(_ZdaPvSt11align_val_t, (void *mem, size_t align), (mem, align))          \
    D(_ZdlPvmSt11align_val_t, (void *mem, size_t size, size_t align),          \
      (mem, size, align))                                                      \
    D(_ZdaPvmSt11align_val_t, (void *mem, size_t size, size_t align),          \
      (mem, size, align))                                                      \
    D(_ZdlPvSt11align_val_tRKSt9nothrow_t,                                     \
      (void *mem, size_t align, const struct nothrow *tag), (mem, align, tag)) \
    D(_ZdaPvSt11align_val_tRKSt9nothrow_t,                                     \
      (void *mem, size_t align, const struct nothrow *tag), (mem, align, tag))

#define DEFINE_NEW(symbol, parameters, arguments, op, align_log2)             \
    EXPORT void *symbol parameters;                                           \
    EXPORT void *symbol parameters                                            \
    {                                                                         \
        static _Atomic(void *) known;                                         \
        __attribute__((cleanup(leave))) const bool recorded =                 \
            recorder_enter();                                                 \
        void *(*function)parameters = NULL;                                   \
        void *found = operator_find(&known, #symbol);                         \
        memcpy(&function, &found, sizeof function);                           \
        void *mem = found ? function arguments : plain_new(size, align_log2); \
        if (recorded && mem)                                                  \
            recorder_event(op, mem, size, align_log2);                        \
        return mem;                                                           \
    }

#define DEFINE_DELETE(symbol, parameters, arguments)          \
    EXPORT void symbol parameters;                            \
    EXPORT void symbol parameters                             \
    {                                                         \
        static _Atomic(void *) known;                         \
        __attribute__((cleanup(leave))) const bool recorded = \
            recorder_enter();                                 \
        void(*function) parameters = NULL;                    \
        void *found = operator_find(&known, #symbol);         \
        memcpy(&function, &found, sizeof function);           \
        if (recorded && mem)                                  \
            recorder_event(RECORD_FREE, mem, 0, 0);           \
        if (found) {                                          \
            function arguments;                               \
        } else {                                              \
            free(mem);                                        \
        }                                                     \
    }

NEW_OPERATORS(DEFINE_NEW)
DELETE_OPERATORS(DEFINE_DELETE)
