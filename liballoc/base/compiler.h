/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_COMPILER_H
#define LIBALLOC_BASE_COMPILER_H
/*
 * Attributes and annotations, the only place that asks which compiler it is.
 * Layer: base.
 */
#include <stddef.h>
#include <stdint.h>

#define LIKELY(x)     __builtin_expect(!!(x), 1)
#define UNLIKELY(x)   __builtin_expect(!!(x), 0)
#define EXPORT        __attribute__((visibility("default"), used))
#define NOINLINE      __attribute__((noinline))
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define COLD          __attribute__((cold, noinline))
#define NORETURN      __attribute__((noreturn))
#define HIDDEN        __attribute__((visibility("hidden")))
#define UNUSED        __attribute__((unused))
/* It reads what others wrote, redzones and all. */
#define NO_SANITIZE   __attribute__((no_sanitize("address", "thread")))
#define ALIGNED(n)    __attribute__((aligned(n)))
#define PACKED_LINE   ALIGNED(64)

/* TLS of the library: one pointer load, never __tls_get_addr (it mallocs). */
#define TLS_IE _Thread_local __attribute__((tls_model("initial-exec")))

/* An alias of another function of the same file, exported under its name. */
#define NAME_OF(x) #x
#if defined(__clang__)
#    define COPY_ATTRIBUTES(target)
#else
#    define COPY_ATTRIBUTES(target) __attribute__((copy(target)))
#endif
#define ALIAS(target)                                              \
    __attribute__((alias(NAME_OF(target)), visibility("default"))) \
    COPY_ATTRIBUTES(target)

#if defined(__clang__)
#    define REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#    define ACQUIRES(...) __attribute__((acquire_capability(__VA_ARGS__)))
#    define RELEASES(...) __attribute__((release_capability(__VA_ARGS__)))
#    define TRY_ACQUIRES(...) \
        __attribute__((try_acquire_capability(__VA_ARGS__)))
#    define NO_THREAD_SAFETY __attribute__((no_thread_safety_analysis))
#else
#    define REQUIRES(...)
#    define ACQUIRES(...)
#    define RELEASES(...)
#    define TRY_ACQUIRES(...)
#    define NO_THREAD_SAFETY
#endif

/*
 * Wants the pointer in the register that functions return: saves a move where
 * the register allocator guesses otherwise.  No code.
 */
#if defined(__x86_64__)
#    define IN_RESULT_REGISTER(pointer) __asm__("" : "+a"(pointer))
#else
#    define IN_RESULT_REGISTER(pointer) ((void)0)
#endif

/*
 * The compiler forgets what it knows about the value: off the fast path it is
 * computed anew instead of being kept in a register on it.  No code.
 */
#define FORGET(value) __asm__("" : "+r"(value))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The structure whose member `field` is at `ptr`. */
#define CONTAINER_OF(ptr, type, field) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, field)))

#endif
