/* SPDX-License-Identifier: MIT */
#include "prof/unwind.h"

#include "base/atomic.h"
#include "base/print.h"
#include "prof/unwind_learn.h"

/* One for the profile.  Protected by: the caller of unwind_stack(). */
static struct unwinder unwinder;

/* Atomic: written by unwind_init() alone. */
static _Atomic uint32_t kind;

bool unwind_init(void)
{
    stack_reader_init();
    if (!learn_init()) {
        if (unwind_kind() == PROF_UNWIND_NONE) {
            print_stderr("liballoc: profile: no libunwind: stacks "
                         "by frame pointers alone\n");
        }
        /* pairs with unwind_kind(): nothing is published but the kind */
        store_release(&kind, PROF_UNWIND_POINTERS);
        return false;
    }
    /* release: publishes what learn_init() set up; pairs with unwind_kind() */
    store_release(&kind, PROF_UNWIND_DWARF);
    return true;
}

enum prof_unwinder unwind_kind(void)
{
    /* pairs with unwind_init() */
    return (enum prof_unwinder)load_acquire(&kind);
}

/* How the walk ended; *count gets the frames. */
static enum step walk(const uintptr_t *registers, bool full, uintptr_t *pcs,
                      unsigned max, unsigned skip, unsigned *count)
{
    enum step step = STEP_ON;

    unwinder_begin(&unwinder, registers, full);
    /* The first frame is unwind_stack()'s. */
    for (unsigned i = 0; i < skip && step == STEP_ON; i++)
        step = unwinder_step(&unwinder);
    *count = 0;
    return step == STEP_ON ? unwinder_walk(&unwinder, pcs, max, count) : step;
}

/* What no unwind data leads out of ends in 0; code of no object is 0. */
static unsigned end_unknown(uintptr_t *pcs, unsigned n, unsigned max,
                            enum step step)
{
    if (n == 0 || n == max)
        return n;
    if (step == STEP_FOREIGN)
        pcs[n - 1] = 0;
    else if (step == STEP_LOST)
        pcs[n++] = 0;
    return n;
}

/* The chain of frame pointers, as far as it goes upwards on this stack. */
static unsigned follow_pointers(uintptr_t *pcs, unsigned max, unsigned skip,
                                uintptr_t bp)
{
    unsigned n = 0;
    uintptr_t pc;
    uintptr_t next;

    stack_reader_begin(&unwinder.stack, bp);
    while (n < max && bp % sizeof bp == 0 &&
           stack_word(&unwinder.stack, bp + sizeof bp, &pc) && pc != 0 &&
           stack_word(&unwinder.stack, bp, &next)) {
        if (skip > 0)
            skip--;
        else
            pcs[n++] = pc;
        if (next <= bp)
            break;
        bp = next;
    }
    return n;
}

NOINLINE unsigned unwind_stack(uintptr_t *pcs, unsigned max, unsigned skip)
{
    uintptr_t registers[REGISTERS];
    unsigned n = 0;

    switch (unwind_kind()) {
    case PROF_UNWIND_NONE:
        return 0;
    case PROF_UNWIND_POINTERS:
        /* The frame of our own holds the pc of skip 0. */
        return follow_pointers(pcs, max, skip,
                               (uintptr_t)__builtin_frame_address(0));
    case PROF_UNWIND_DWARF:
        break;
    }
    registers_capture(registers);
    enum step step = walk(registers, false, pcs, max, skip, &n);
    if (UNLIKELY(step == STEP_OTHER))
        step = walk(registers, true, pcs, max, skip, &n);
    return end_unknown(pcs, n, max, step);
}
