/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include "base/compiler.h"
#include "stacks.h"

#include <stdatomic.h>
#include <sys/mman.h>

/*
 * Nodes by parent and pc.  An index for all that there may be would scatter
 * the few that most programs have over as many pages, so there are levels:
 * a node is in the first in whose window it found room.
 *
 *   level 0   | window of 8 | window | ...        32 KiB
 *   level 1   | ...                              256 KiB
 *   level 2   | ...                                2 MiB
 *   the last  | any slot from its place on        32 MiB
 *
 * Nothing is ever removed: where a window has room the node is in no level
 * behind.  A slot is `tag | number`; 0: free.
 */
enum {
    WINDOW = 8,
    LEVELS = 4,
    NUMBER_BITS = 22,
    LAST_SLOTS = 2 * RECORD_NODES,
};
#define NUMBER_MASK (((uint32_t)1 << NUMBER_BITS) - 1)

_Static_assert(RECORD_NODES <= 1 << NUMBER_BITS, "a number fits");

static const unsigned level_bits[LEVELS] = {13, 16, 19, 23};

_Static_assert(LAST_SLOTS == 1 << 23, "as level_bits[] has it");

/* Immutable after tree_init(), but for what is in the arrays. */
static struct {
    struct record_header *header;
    struct record_node *nodes;
    _Atomic uint32_t *levels[LEVELS];
} tree;

void *map_private(size_t size)
{
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return mem != MAP_FAILED ? mem : NULL;
}

bool tree_init(struct record_header *header)
{
    tree.header = header;
    tree.nodes = (void *)((char *)header + RECORD_NODES_AT);
    for (unsigned i = 0; i < LEVELS; i++) {
        tree.levels[i] = map_private(sizeof *tree.levels[i] << level_bits[i]);
        if (tree.levels[i] == NULL)
            return false;
    }
    return true;
}

/* 0: there is no room. */
COLD static uint32_t node_make(uint32_t parent, uintptr_t pc)
{
    uint32_t number = atomic_fetch_add(&tree.header->nodes, 1);

    if (number >= RECORD_NODES) {
        atomic_store(&tree.header->nodes, RECORD_NODES);
        atomic_fetch_add(&tree.header->stackless, 1);
        return 0;
    }
    modules_note(tree.header, pc);
    tree.nodes[number].parent = parent;
    /* release: publishes the parent; pairs with the inspector's read */
    atomic_store_explicit(&tree.nodes[number].pc, pc, memory_order_release);
    return number;
}

struct search {
    uint64_t hash;
    uintptr_t pc;
    uint32_t parent;
    uint32_t made; /* its number, if it had to be made */
};

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 8) & ~NUMBER_MASK;
}

static bool is_it(const struct search *search, uint32_t slot)
{
    const struct record_node *node = &tree.nodes[slot & NUMBER_MASK];

    return (slot & ~NUMBER_MASK) == tag_of(search->hash) &&
           node->parent == search->parent &&
           atomic_load_explicit(&node->pc, memory_order_relaxed) == search->pc;
}

/*
 * True: the search is over, *number is the node's, 0 if there is no room.  Of
 * two threads that make the same at once, the later one's stays unused: a
 * number is all it costs.
 */
static bool look(struct search *search, _Atomic uint32_t *slot,
                 uint32_t *number)
{
    /* acquire: pairs with the exchange below */
    uint32_t seen = atomic_load_explicit(slot, memory_order_acquire);

    if (seen == 0) {
        if (search->made == 0)
            search->made = node_make(search->parent, search->pc);
        *number = search->made;
        if (search->made == 0 ||
            atomic_compare_exchange_strong(slot, &seen,
                                           search->made | tag_of(search->hash)))
            return true;
    }
    *number = seen & NUMBER_MASK;
    return is_it(search, seen);
}

NOINLINE static uint32_t find(struct search search)
{
    uint32_t number;

    for (unsigned level = 0; level < LEVELS - 1; level++) {
        size_t at = search.hash >> (64 - level_bits[level]) & -(size_t)WINDOW;
        for (unsigned i = 0; i < WINDOW; i++) {
            if (look(&search, &tree.levels[level][at + i], &number))
                return number;
        }
    }
    for (size_t at = search.hash >> (64 - level_bits[LEVELS - 1]);; at++) {
        if (look(&search, &tree.levels[LEVELS - 1][at % LAST_SLOTS], &number))
            return number;
    }
}

uint32_t tree_node(struct known_nodes *known, uint32_t parent, uintptr_t pc)
{
    uint64_t hash =
        (pc ^ (uint64_t)parent << 40 ^ parent) * UINT64_C(0x9e3779b97f4a7c15);
    struct known_node *node = &known->nodes[hash >> 32 & (TREE_KNOWN - 1)];

    if (LIKELY(node->pc == pc) && LIKELY(node->parent == parent))
        return node->number;
    uint32_t number = find((struct search){hash, pc, parent, 0});
    if (number != 0)
        *node = (struct known_node){pc, parent, number};
    return number;
}
