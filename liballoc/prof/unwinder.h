/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_UNWINDER_H
#define LIBALLOC_PROF_UNWINDER_H
/*
 * Walks a stack by rules: how the caller's registers follow from a frame's.
 * libunwind is asked once per pc (unwind_learn.c), the answer is kept:
 *
 *      CFA = base + cfa        base: RSP or RBP of the frame
 *      +-----------------+ <- CFA, the caller's RSP
 *      | return address  |    CFA - 8
 *      | saved RBP       |    CFA + bp, if this frame saved it
 *      | ...             |
 *      +-----------------+ <- the frame's RSP
 *
 * A rule holds as long as its object is loaded: objects have numbers, never
 * used twice, and each walk looks once at each object it passes.
 *
 * Layer: prof.  Protected by: the unwinder's owner; any number may exist.
 */
#include "base/compiler.h"
#include "prof/stack_reader.h"

enum rule_kind {
    RULE_NONE,
    RULE_SP,      /* base is RSP */
    RULE_BP,      /* base is RBP */
    RULE_BP_AT,   /* realigned stack: CFA is the word at RBP + cfa; the caller's
                    RBP is at RBP + bp */
    RULE_SIGNAL,  /* RSP points to the ucontext of a signal */
    RULE_END,     /* outermost */
    RULE_NOTHING, /* no unwind data */
    RULE_OTHER,   /* needs more than RSP and RBP: step by libunwind */
};

struct rule {
    uint64_t key; /* of the object | pc | RULE_RARE; 0 = free */
    int32_t cfa;
    int16_t bp; /* 0: RBP is as it was */
    uint8_t kind;
    uint8_t unused;
};

/* In a key: neither RULE_SP nor RULE_BP. */
#define RULE_RARE ((uint64_t)1 << 63)

/* A loaded object: what _dl_find_object() says of it. */
struct unwind_object {
    uintptr_t start;
    uintptr_t size;
    uintptr_t eh_frame_hdr;
    uint64_t fingerprint; /* of its unwind table: not another file there? */
    uint64_t key;         /* its number, from 1 on, << PC_BITS; 0 = free */
};

enum {
    RULES = 8192, /* two to a bucket */
    OBJECTS = 1024,
    RECENT = 8, /* objects that this walk has looked at */
    PC_BITS = 47,
    OBJECT_NUMBERS = 1 << 16, /* 16 bits: bit 63 is RULE_RARE */
    REGISTERS = 17,           /* numbered as in libunwind: its UNW_X86_64_* */
};

enum step {
    STEP_ON,      /* the frame is now the caller's */
    STEP_END,     /* there is no caller */
    STEP_FOREIGN, /* the frame's code is in no object */
    STEP_LOST,    /* no unwind data, or no such memory */
    STEP_OTHER,   /* begin anew, with all registers */
};

struct frame {
    uintptr_t at; /* in the call that it makes, its last byte; or the
                     instruction that a signal interrupted */
    uintptr_t sp;
    uintptr_t bp;
    uintptr_t bp_at; /* where `bp` was saved; 0 = nowhere, it did not change */
};

struct unwinder {
    struct frame frame; /* where the walk is */
    struct stack_reader stack;
    const struct unwind_object *recent[RECENT];
    unsigned nrecent;
    bool by_sp; /* the last step: the frame's RBP had no part in it */
    bool full;  /* this walk keeps `registers`, all by libunwind */
    uintptr_t registers[REGISTERS];
    uint64_t last_number; /* of an object */
    struct unwind_object objects[OBJECTS];
    struct rule rules[RULES];
};

/* Where the registers of the caller of this (inlined) function are. */
ALWAYS_INLINE void registers_capture(uintptr_t *registers)
{
#if defined(__x86_64__)
    __asm__ __volatile__("leaq 0f(%%rip), %%rax\n\t"
                         "movq %%rax, 128(%0)\n\t"
                         "movq %%rbx, 24(%0)\n\t"
                         "movq %%rbp, 48(%0)\n\t"
                         "movq %%rsp, 56(%0)\n\t"
                         "movq %%r12, 96(%0)\n\t"
                         "movq %%r13, 104(%0)\n\t"
                         "movq %%r14, 112(%0)\n\t"
                         "movq %%r15, 120(%0)\n"
                         "0:"
                         :
                         : "r"(registers)
                         : "rax", "memory");
#else
    registers[0] = 0;
#endif
}

/* Starts a walk at captured registers; `full`: see there. */
void unwinder_begin(struct unwinder *unwinder, const uintptr_t *registers,
                    bool full);

/* The newer of a bucket's two is the first. */
static inline struct rule *rule_bucket(struct unwinder *unwinder, uint64_t key)
{
    uint64_t mixed = key * 0x9e3779b97f4a7c15u;

    return &unwinder->rules[mixed >> 32 & (RULES - 2)];
}

/* From the frame to its caller's; the frame is as it was unless STEP_ON. */
enum step unwinder_step(struct unwinder *unwinder);

/*
 * Steps until `max` pcs are there, or to the end: what the last step said;
 * STEP_ON = there is more.  A pc is its frame's `at` + 1, that is, the return
 * address.
 */
enum step unwinder_walk(struct unwinder *unwinder, uintptr_t *pcs, unsigned max,
                        unsigned *count);

#endif
