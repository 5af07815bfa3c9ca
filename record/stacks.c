/* SPDX-License-Identifier: MIT */
#include "stacks.h"

#include "tree.h"

#include "prof/unwind_learn.h"
#include "prof/unwind_object.h"

#include <dlfcn.h>
#include <pthread.h>

enum {
    DEPTH = 256,
    UNKNOWN_PC = 1,
    REGISTER_BP = 6, /* as unwinder.c has them */
    REGISTER_SP = 7,
    REGISTER_PC = 16,
};

/*
 * The thread's latest walk, the outermost frame last:
 *
 *   frames  | - - - | malloc's caller | its caller | ... | _start |
 *                     first                      by_sp     DEPTH - 1
 *
 * From by_sp on no step went by RBP.  links[i] is where frames[i].at was read,
 * pcs[i] what was read there.
 */
struct walker {
    struct unwinder unwinder;
    struct walker *next; /* of the unused ones */
    unsigned first;
    unsigned by_sp;
    const uintptr_t *links[DEPTH];
    uintptr_t pcs[DEPTH];
    struct frame frames[DEPTH];
    uint32_t nodes[DEPTH];
    struct frame found[DEPTH]; /* of the walk under way, innermost first */
    unsigned found_by_sp;      /* of those, from here on */
    struct known_nodes known;
};

/* Immutable after stacks_load(), but for the unused walkers. */
static struct {
    uintptr_t own_start; /* of this library */
    uintptr_t own_size;
    bool loaded;
} stacks;

/* No code lies in it. */
static const struct unwind_object no_object;

/* Protected by: unused_lock. */
static struct walker *unused;
static pthread_mutex_t unused_lock = PTHREAD_MUTEX_INITIALIZER;

bool stacks_load(void)
{
    struct dl_find_object own;

    stack_reader_init();
    if (!learn_init() || _dl_find_object((void *)&stacks, &own) != 0)
        return false;
    stacks.own_start = (uintptr_t)own.dlfo_map_start;
    stacks.own_size = (uintptr_t)own.dlfo_map_end - stacks.own_start;
    stacks.loaded = true;
    return true;
}

struct walker *walker_get(void)
{
    pthread_mutex_lock(&unused_lock);
    struct walker *walker = unused;
    if (walker != NULL)
        unused = walker->next;
    pthread_mutex_unlock(&unused_lock);
    if (walker == NULL)
        walker = map_private(sizeof *walker);
    if (walker != NULL)
        walker->first = DEPTH;
    return walker;
}

void walker_put(struct walker *walker)
{
    pthread_mutex_lock(&unused_lock);
    walker->next = unused;
    unused = walker;
    pthread_mutex_unlock(&unused_lock);
}

/* The words from `sp` to the outermost link may be read as they are. */
static bool is_readable(const struct walker *walker, uintptr_t sp)
{
    const struct stack_reader *stack = &walker->unwinder.stack;

    return sp - stack->low < stack->span &&
           (uintptr_t)walker->links[DEPTH - 1] - stack->low < stack->span;
}

/* The same RBP, as far as frames farther out went by it? */
static bool is_same_bp(const struct walker *walker, unsigned at)
{
    const struct frame *frame = &walker->frames[at];
    uintptr_t word;

    return frame->bp_at == 0 ||
           (stack_word_direct(&walker->unwinder.stack, frame->bp_at, &word) &&
            word == frame->bp);
}

/*
 * From a frame of the latest walk out, its callers are the same as long as the
 * words that led to them are: the walk depends on nothing else.  DEPTH, or the
 * first one that is not.
 */
static unsigned check_callers(const struct walker *walker, unsigned at)
{
    for (at++; at < walker->by_sp; at++) {
        if (*walker->links[at] != walker->pcs[at] || !is_same_bp(walker, at))
            return at;
    }
    for (; at < DEPTH; at++) {
        if (*walker->links[at] != walker->pcs[at])
            return at;
    }
    return DEPTH;
}

/* The same call, in the same place? */
static bool is_same(const struct walker *walker, unsigned at, uintptr_t pc,
                    uintptr_t sp, uintptr_t bp)
{
    const struct frame *old = &walker->frames[at];

    return old->sp == sp && old->at == pc &&
           (at >= walker->by_sp || old->bp == bp);
}

/*
 * The same as unwinder_step() for most frames, as in unwinder_walk(): a rule
 * that goes by RSP or RBP, words that are certainly readable.  False: not so.
 */
ALWAYS_INLINE bool step_fast(struct unwinder *unwinder,
                             const struct unwind_object *object,
                             struct frame *frame)
{
    uint64_t key = object->key | frame->at;
    const struct rule *rule = rule_bucket(unwinder, key);
    bool by_sp = rule->kind == RULE_SP;
    uintptr_t cfa =
        (by_sp ? frame->sp : frame->bp) + (uintptr_t)(intptr_t)rule->cfa;
    uintptr_t bp_at = rule->bp != 0 ? cfa + (uintptr_t)(intptr_t)rule->bp : 0;
    uintptr_t bp = frame->bp;
    uintptr_t pc;

    /* A caller at 0 is for unwinder_step(): the end. */
    if (UNLIKELY(rule->key != key) || UNLIKELY(cfa <= frame->sp) ||
        UNLIKELY(!stack_word_direct(&unwinder->stack, cfa - sizeof pc, &pc)) ||
        UNLIKELY(pc == 0) ||
        UNLIKELY(bp_at != 0 &&
                 !stack_word_direct(&unwinder->stack, bp_at, &bp)))
        return false;
    frame->at = pc - 1;
    frame->sp = cfa;
    frame->bp = bp;
    frame->bp_at = bp_at;
    unwinder->by_sp = by_sp;
    return true;
}

/*
 * Steps out into found[] until a frame and all around it are those of the
 * latest walk: *kept is where that one is, DEPTH if there is none.  The frame
 * is a variable of its own and its parts are forgotten in between: so they stay
 * in registers.
 */
static unsigned walk(struct walker *walker, unsigned *kept, enum step *step)
{
    struct unwinder *unwinder = &walker->unwinder;
    const struct unwind_object *object = &no_object;
    struct frame frame = unwinder->frame;
    unsigned at = walker->first;
    unsigned n = 0;

    *step = STEP_ON;
    *kept = DEPTH;
    walker->found_by_sp = 0;
    while (n < DEPTH && *step == STEP_ON) {
        FORGET(frame.at);
        FORGET(frame.sp);
        FORGET(frame.bp);
        FORGET(frame.bp_at);
        while (at < DEPTH && walker->frames[at].sp < frame.sp)
            at++;
        if (at < DEPTH && is_same(walker, at, frame.at, frame.sp, frame.bp) &&
            is_readable(walker, frame.sp)) {
            unsigned bad = check_callers(walker, at);
            if (bad == DEPTH) {
                *kept = at;
                return n;
            }
            at = bad;
        }
        walker->found[n++] = frame;
        if (UNLIKELY(frame.at - object->start >= object->size)) {
            object = unwind_object_find(unwinder, frame.at);
            object = object != NULL ? object : &no_object;
        }
        if (!step_fast(unwinder, object, &frame)) {
            unwinder->frame = frame;
            *step = unwinder_step(unwinder);
            frame = unwinder->frame;
        }
        if (!unwinder->by_sp)
            walker->found_by_sp = n;
    }
    return n;
}

/* A frame's place in the arrays; false: it does not lie below its caller. */
static bool keep(struct walker *walker, unsigned at, const struct frame *frame,
                 uint32_t node)
{
    walker->frames[at] = *frame;
    walker->nodes[at] = node;
    walker->links[at] = (const uintptr_t *)frame->sp - 1;
    walker->pcs[at] = frame->at + 1;
    return at == DEPTH - 1 || walker->frames[at + 1].sp == 0 ||
           frame->sp < walker->frames[at + 1].sp;
}

/* found[] in front of what is kept; the innermost frame's node. */
static uint32_t number_frames(struct walker *walker, unsigned n, unsigned kept,
                              enum step step)
{
    uint32_t node = kept < DEPTH ? walker->nodes[kept] : 0;
    bool usable = n <= kept;

    kept = usable ? kept : DEPTH;
    unsigned first = kept - n;
    if (walker->by_sp <= kept)
        walker->by_sp = first + walker->found_by_sp;
    for (unsigned i = n; i-- > 0;) {
        const struct frame *frame = &walker->found[i];
        bool is_outermost = --kept == DEPTH - 1;
        bool is_foreign = is_outermost && step == STEP_FOREIGN;
        uintptr_t pc = is_foreign ? UNKNOWN_PC : frame->at + 1;
        /* A full tree: the stack is cut. */
        uint32_t made = tree_node(&walker->known, node, pc);
        node = made != 0 ? made : node;
        usable &= keep(walker, kept, frame, node);
    }
    /* Of an unknown place no word tells. */
    if (walker->frames[DEPTH - 1].sp == 0) {
        walker->links[DEPTH - 1] = walker->links[DEPTH - 2];
        walker->pcs[DEPTH - 1] = walker->pcs[DEPTH - 2];
    }
    walker->first = usable ? first : DEPTH;
    return node;
}

/*
 * From frames of this library to its caller's, by frame pointers: all of them
 * have one (-fno-omit-frame-pointer).
 */
static void begin_at_caller(struct unwinder *unwinder, const uintptr_t *own)
{
    uintptr_t registers[REGISTERS];

    while (own[1] - stacks.own_start < stacks.own_size)
        own = (const uintptr_t *)own[0];
    registers[REGISTER_BP] = own[0];
    registers[REGISTER_SP] = (uintptr_t)(own + 2);
    registers[REGISTER_PC] = own[1] - 1;
    unwinder_begin(unwinder, registers, false);
}

/* With all registers, from here: nothing of it is kept. */
COLD NOINLINE static uint32_t full_stack(struct walker *walker)
{
    uintptr_t registers[REGISTERS];
    uintptr_t pcs[DEPTH];
    uint32_t node = 0;
    unsigned n = 0;
    unsigned skip = 0;

    registers_capture(registers);
    unwinder_begin(&walker->unwinder, registers, true);
    enum step step = unwinder_walk(&walker->unwinder, pcs, DEPTH - 1, &n);
    if (step == STEP_LOST)
        pcs[n++] = UNKNOWN_PC;
    else if (step == STEP_FOREIGN && n > 0)
        pcs[n - 1] = UNKNOWN_PC;
    while (skip + 1 < n && pcs[skip] - stacks.own_start < stacks.own_size)
        skip++;
    while (n > skip) {
        uint32_t made = tree_node(&walker->known, node, pcs[--n]);
        node = made != 0 ? made : node;
    }
    walker->first = DEPTH;
    return node;
}

NOINLINE uint32_t walker_stack(struct walker *walker)
{
    enum step step;
    unsigned kept;

    if (UNLIKELY(!stacks.loaded))
        return 0;
    begin_at_caller(&walker->unwinder, __builtin_frame_address(0));
    unsigned n = walk(walker, &kept, &step);
    if (UNLIKELY(step == STEP_OTHER))
        return full_stack(walker);
    if (step == STEP_LOST && n < DEPTH)
        walker->found[n++] = (struct frame){.at = UNKNOWN_PC - 1};
    return number_frames(walker, n, kept, step);
}
