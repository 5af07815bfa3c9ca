/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_BASE_ATOMIC_H
#define LIBALLOC_BASE_ATOMIC_H
/*
 * Atomic verbs with the memory order in their names.  Every use outside this
 * file carries a comment: "pairs with ..." or why a stale value is fine
 * ("stale ok"); tests/lint/atomics checks it.
 * Layer: base.
 */
#include <stdatomic.h>

#define load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define load_acquire(p) atomic_load_explicit((p), memory_order_acquire)
#define store_relaxed(p, v) \
    atomic_store_explicit((p), (v), memory_order_relaxed)
#define store_release(p, v) \
    atomic_store_explicit((p), (v), memory_order_release)

#define exchange_acquire(p, v) \
    atomic_exchange_explicit((p), (v), memory_order_acquire)
#define exchange_release(p, v) \
    atomic_exchange_explicit((p), (v), memory_order_release)
#define exchange_acq_rel(p, v) \
    atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define add_relaxed(p, v) \
    atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define sub_relaxed(p, v) \
    atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)

#define or_relaxed(p, v) \
    atomic_fetch_or_explicit((p), (v), memory_order_relaxed)
#define and_relaxed(p, v) \
    atomic_fetch_and_explicit((p), (v), memory_order_relaxed)

/* Compare and swap; *expected is refreshed on failure.  True = swapped. */
#define cas_acquire(p, expected, desired)                               \
    atomic_compare_exchange_strong_explicit((p), (expected), (desired), \
                                            memory_order_acquire,       \
                                            memory_order_relaxed)
#define cas_weak_release(p, expected, desired)                        \
    atomic_compare_exchange_weak_explicit((p), (expected), (desired), \
                                          memory_order_release,       \
                                          memory_order_relaxed)
#define cas_weak_acq_rel(p, expected, desired)                        \
    atomic_compare_exchange_weak_explicit((p), (expected), (desired), \
                                          memory_order_acq_rel,       \
                                          memory_order_relaxed)

/* A full barrier: orders a store before a later load. */
static inline void fence_seq_cst(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

/* Orders all before it against later stores; no code on x86-64. */
static inline void fence_release(void)
{
    atomic_thread_fence(memory_order_release);
}

/* Orders all earlier loads before all after it; no code on x86-64. */
static inline void fence_acquire(void)
{
    atomic_thread_fence(memory_order_acquire);
}

/* Keeps the compiler (not the CPU) from moving accesses across it. */
static inline void compiler_barrier(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

#endif
