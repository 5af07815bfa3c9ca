/* SPDX-License-Identifier: MIT */
#ifndef RECORD_TREE_H
#define RECORD_TREE_H
/*
 * The tree of all stacks, in the shared memory: a node is a call, its parent
 * the caller's.  Threads add to it without locks.
 */
#include "layout/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TREE_KNOWN = 4096, /* 64 KiB a thread, in the second cache */
};

/* Nodes that a thread met lately: the tree lies far and wide.  Zeroed. */
struct known_nodes {
    struct known_node {
        uintptr_t pc; /* 0: none */
        uint32_t parent;
        uint32_t number;
    } nodes[TREE_KNOWN];
};

/* Where the tree is, once; false: no memory for its index. */
bool tree_init(struct record_header *header);

/* The node of a call at `pc` by `parent`; 0: there is no room. */
uint32_t tree_node(struct known_nodes *known, uint32_t parent, uintptr_t pc);

/* Zeroed memory that is there when it is used; NULL: none. */
void *map_private(size_t size);

#endif
