/* SPDX-License-Identifier: MIT */
#ifndef EXPLORE_SHIM_ATOMIC_H
#define EXPLORE_SHIM_ATOMIC_H
/*
 * liballoc's own verbs, each with a scheduling point before it.  It stands
 * before liballoc/ in the include path of the explored build: the sources
 * need no seam, the real build has none.
 */
#include "../../../../liballoc/base/atomic.h"

#include "explore.h"

#undef load_relaxed
#undef load_acquire
#undef store_relaxed
#undef store_release
#undef exchange_acquire
#undef exchange_release
#undef exchange_acq_rel
#undef add_relaxed
#undef sub_relaxed
#undef cas_acquire
#undef cas_weak_release
#undef cas_weak_acq_rel

/* What a load gives: the thread's own buffered store before memory. */
#define EXPLORE_LOAD(p)                                                  \
    __extension__({                                                      \
        __typeof__(p) at_ = (p);                                         \
        explore_point(POINT_READ, at_);                                  \
        __typeof__(atomic_load_explicit(at_, memory_order_relaxed)) v_ = \
            atomic_load_explicit(at_, memory_order_relaxed);             \
        explore_loaded(at_, &v_, sizeof v_);                             \
        v_;                                                              \
    })

/* To memory, or into the thread's store buffer. */
#define EXPLORE_STORE(p, value)                                          \
    __extension__({                                                      \
        __typeof__(p) to_ = (p);                                         \
        __typeof__(atomic_load_explicit(to_, memory_order_relaxed)) w_ = \
            (value);                                                     \
        if (!explore_store(to_, &w_, sizeof w_))                         \
            atomic_store_explicit(to_, w_, memory_order_relaxed);        \
        explore_after(to_);                                              \
    })

/* One step; `op` is done whole. */
#define EXPLORE_RMW(p, op)             \
    __extension__({                    \
        explore_point(POINT_RMW, (p)); \
        __typeof__(op) r_ = (op);      \
        explore_after(p);              \
        r_;                            \
    })

#define EXPLORE_CAS(p, expected, desired) \
    EXPLORE_RMW(p, atomic_compare_exchange_strong((p), (expected), (desired)))

#define load_relaxed(p)        EXPLORE_LOAD(p)
#define load_acquire(p)        EXPLORE_LOAD(p)
#define store_relaxed(p, v)    EXPLORE_STORE(p, v)
#define store_release(p, v)    EXPLORE_STORE(p, v)
#define exchange_acquire(p, v) EXPLORE_RMW(p, atomic_exchange((p), (v)))
#define exchange_release(p, v) EXPLORE_RMW(p, atomic_exchange((p), (v)))
#define exchange_acq_rel(p, v) EXPLORE_RMW(p, atomic_exchange((p), (v)))
#define add_relaxed(p, v)      EXPLORE_RMW(p, atomic_fetch_add((p), (v)))
#define sub_relaxed(p, v)      EXPLORE_RMW(p, atomic_fetch_sub((p), (v)))

#define cas_acquire(p, expected, desired)      EXPLORE_CAS(p, expected, desired)
#define cas_weak_release(p, expected, desired) EXPLORE_CAS(p, expected, desired)
#define cas_weak_acq_rel(p, expected, desired) EXPLORE_CAS(p, expected, desired)

/* NOLINTBEGIN(readability-identifier-naming): named as what they stand for */
#define fence_seq_cst() explore_point(POINT_FENCE, NULL)
#define cpu_relax()     explore_point(POINT_RELAX, NULL)
/* NOLINTEND(readability-identifier-naming) */

#endif
