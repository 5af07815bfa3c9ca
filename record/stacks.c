/* SPDX-License-Identifier: MIT */
#include "stacks.h"

#include "prof/unwind_learn.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum {
    DEPTH = 256,
    SLOTS = 2 * RECORD_NODES,
    UNKNOWN_PC = 1,
    REGISTER_BP = 6, /* as unwinder.c has them */
    REGISTER_SP = 7,
    REGISTER_PC = 16,
};

/*
 * The thread's latest walk, the outermost frame last:
 *
 *   frames  | - - - | malloc's caller | its caller | ... | _start |
 *                     first                                 DEPTH - 1
 */
struct walker {
    struct unwinder unwinder;
    struct walker *next; /* of the unused ones */
    unsigned first;
    struct frame frames[DEPTH];
    uint32_t nodes[DEPTH];
    struct frame found[DEPTH]; /* of the walk under way, innermost first */
};

/* Immutable after stacks_load(), but for the tree and the unused walkers. */
static struct {
    struct record_header *header;
    struct record_node *nodes;
    _Atomic uint32_t *slots; /* nodes by parent and pc; 0: none */
    uintptr_t own_start;     /* of this library */
    uintptr_t own_size;
    bool loaded;
} stacks;

/* Protected by: unused_lock. */
static struct walker *unused;
static pthread_mutex_t unused_lock = PTHREAD_MUTEX_INITIALIZER;

static void *map_private(size_t size)
{
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return mem != MAP_FAILED ? mem : NULL;
}

bool stacks_init(struct record_header *header)
{
    stacks.header = header;
    stacks.nodes = (void *)((char *)header + RECORD_NODES_AT);
    stacks.slots = map_private(SLOTS * sizeof *stacks.slots);
    return stacks.slots != NULL;
}

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

static bool is_node(uint32_t number, uint32_t parent, uintptr_t pc)
{
    const struct record_node *node = &stacks.nodes[number];

    return node->parent == parent &&
           atomic_load_explicit(&node->pc, memory_order_relaxed) == pc;
}

/* 0: there is no room. */
COLD static uint32_t node_make(uint32_t parent, uintptr_t pc)
{
    uint32_t number = atomic_fetch_add(&stacks.header->nodes, 1);

    if (number >= RECORD_NODES) {
        atomic_store(&stacks.header->nodes, RECORD_NODES);
        atomic_fetch_add(&stacks.header->stackless, 1);
        return 0;
    }
    modules_note(stacks.header, pc);
    stacks.nodes[number].parent = parent;
    /* release: publishes the parent; pairs with the inspector's read */
    atomic_store_explicit(&stacks.nodes[number].pc, pc, memory_order_release);
    return number;
}

/*
 * The node of a frame.  Of two threads that make the same at once, the later
 * one's stays unused: a number is all it costs.
 */
static uint32_t node_of(uint32_t parent, uintptr_t pc)
{
    uint64_t hash =
        (pc ^ (uint64_t)parent << 40 ^ parent) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t made = 0;

    for (size_t at = hash >> 32;; at++) {
        _Atomic uint32_t *slot = &stacks.slots[at % SLOTS];
        /* acquire: pairs with the exchange below */
        uint32_t number = atomic_load_explicit(slot, memory_order_acquire);
        if (number == 0) {
            if (made == 0)
                made = node_make(parent, pc);
            if (made == 0 ||
                atomic_compare_exchange_strong(slot, &number, made))
                return made;
        }
        if (is_node(number, parent, pc))
            return number;
    }
}

/* The same call, in the same place? */
static bool is_same(const struct frame *a, const struct frame *b)
{
    return a->sp == b->sp && a->at == b->at && a->bp == b->bp;
}

/*
 * From a frame of the latest walk out, its callers are the same as long as the
 * words that led to them are: the walk depends on nothing else.  DEPTH, or the
 * first one that is not.
 */
static unsigned check_callers(const struct walker *walker, unsigned at)
{
    const struct stack_reader *stack = &walker->unwinder.stack;
    uintptr_t word;

    for (at++; at < DEPTH; at++) {
        const struct frame *caller = &walker->frames[at];
        if (caller->sp == 0)
            continue;
        if (!stack_word_direct(stack, caller->sp - sizeof word, &word) ||
            word != caller->at + 1 ||
            (caller->bp_at != 0 &&
             (!stack_word_direct(stack, caller->bp_at, &word) ||
              word != caller->bp)))
            return at;
    }
    return DEPTH;
}

/*
 * Steps out into found[] until a frame and all around it are those of the
 * latest walk: *kept is where that one is, DEPTH if there is none.
 */
static unsigned walk(struct walker *walker, unsigned *kept, enum step *step)
{
    struct unwinder *unwinder = &walker->unwinder;
    const struct frame *frames = walker->frames;
    unsigned at = walker->first;
    unsigned n = 0;

    *step = STEP_ON;
    *kept = DEPTH;
    while (n < DEPTH && *step == STEP_ON) {
        struct frame frame = unwinder->frame;
        while (at < DEPTH && frames[at].sp < frame.sp)
            at++;
        if (at < DEPTH && is_same(&frames[at], &frame)) {
            unsigned bad = check_callers(walker, at);
            if (bad == DEPTH) {
                *kept = at;
                return n;
            }
            at = bad;
        }
        walker->found[n++] = frame;
        *step = unwinder_step(unwinder);
    }
    return n;
}

/* found[] in front of what is kept; the innermost frame's node. */
static uint32_t number_frames(struct walker *walker, unsigned n, unsigned kept,
                              enum step step)
{
    uint32_t node = kept < DEPTH ? walker->nodes[kept] : 0;

    bool fits = n <= kept;
    if (!fits)
        kept = DEPTH;
    walker->first = fits ? kept - n : DEPTH;
    for (unsigned i = n; i-- > 0;) {
        struct frame *frame = &walker->found[i];
        bool is_outermost = --kept == DEPTH - 1;
        bool is_foreign = is_outermost && step == STEP_FOREIGN;
        uintptr_t pc = is_foreign ? UNKNOWN_PC : frame->at + 1;
        /* A full tree: the stack is cut. */
        uint32_t made = node_of(node, pc);
        node = made != 0 ? made : node;
        walker->frames[kept] = *frame;
        walker->nodes[kept] = node;
    }
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
        uint32_t made = node_of(node, pcs[--n]);
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
