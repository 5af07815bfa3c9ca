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
};

struct walker {
    struct unwinder unwinder;
    struct walker *next; /* of the unused ones */
    unsigned latest;     /* which of the two in pcs[] */
    unsigned count;      /* of frames, in the latest walk */
    uintptr_t pcs[2][DEPTH];
    uint32_t nodes[DEPTH]; /* of the latest walk, the outermost first */
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
    return walker != NULL ? walker : map_private(sizeof *walker);
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

/* As unwind_stack() does it. */
static unsigned walk(struct walker *walker, const uintptr_t *registers,
                     uintptr_t *pcs)
{
    unsigned n = 0;
    struct unwinder *unwinder = &walker->unwinder;

    unwinder_begin(unwinder, registers, false);
    enum step step = unwinder_walk(unwinder, pcs, DEPTH, &n);
    if (UNLIKELY(step == STEP_OTHER)) {
        unwinder_begin(unwinder, registers, true);
        step = unwinder_walk(unwinder, pcs, DEPTH, &n);
    }
    if (step == STEP_FOREIGN && n > 0)
        pcs[n - 1] = UNKNOWN_PC;
    else if (step == STEP_LOST && n > 0 && n < DEPTH)
        pcs[n++] = UNKNOWN_PC;
    return n;
}

/* Numbers of the frames that the last walk did not have. */
static uint32_t number_frames(struct walker *walker, const uintptr_t *pcs,
                              unsigned n)
{
    const uintptr_t *old = walker->pcs[walker->latest] + walker->count;
    const uintptr_t *outermost = pcs + n;
    unsigned most = n < walker->count ? n : walker->count;
    unsigned same = 0;

    while (same < most && old[-1 - (int)same] == outermost[-1 - (int)same])
        same++;
    uint32_t node = same > 0 ? walker->nodes[same - 1] : 0;
    for (unsigned i = same; i < n; i++) {
        /* A full tree: the stack is cut. */
        uint32_t found = node_of(node, outermost[-1 - (int)i]);
        node = found != 0 ? found : node;
        walker->nodes[i] = node;
    }
    return node;
}

NOINLINE uint32_t walker_stack(struct walker *walker)
{
    uintptr_t registers[REGISTERS];
    unsigned other = 1 - walker->latest;
    uintptr_t *pcs = walker->pcs[other];
    unsigned skip = 0;

    if (UNLIKELY(!stacks.loaded))
        return 0;
    registers_capture(registers);
    unsigned n = walk(walker, registers, pcs);
    while (skip + 1 < n && pcs[skip] - stacks.own_start < stacks.own_size)
        skip++;
    /* The walk is kept from its start: counted from the outermost frame. */
    uint32_t stack = number_frames(walker, pcs + skip, n - skip);
    walker->latest = other;
    walker->count = n;
    return stack;
}
