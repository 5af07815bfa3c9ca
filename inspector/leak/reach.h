/* SPDX-License-Identifier: MIT */
#ifndef LEAK_REACH_H
#define LEAK_REACH_H
/*
 * Conservative marking: any aligned word that holds an address within a live
 * block keeps that block.
 *
 * Blocks that are marked and not scanned are "grey".  Few of them are taken
 * off a work list, in any order; many by a sweep over the windows that hold
 * some, each read once as a whole, so that dense heaps cost no read a block.
 * The list is bounded: what does not fit is found by the next sweep.
 */
#include "leak/index.h"

struct reach {
    struct leak_index *index;
    struct target *target;
    bool interior;  /* pointers into blocks count, too */
    bool unaligned; /* words begin at any byte: machine code */

    size_t scanned;    /* bytes read in all */
    size_t unreadable; /* bytes that could not be */

    /* Of each block, by its rank: where the word lies that marked it; NULL:
       not kept. */
    uintptr_t *parents;
    /* Every block that is scanned; NULL: not wanted. */
    void (*on_block)(void *data, const struct leak_ref *ref);
    /* Every word that points to the block `watched`; NULL: not wanted. */
    void (*on_watched)(void *data, uintptr_t slot, uintptr_t word);
    void *data;
    uintptr_t watched;
    size_t watched_size;

    uintptr_t *work;
    size_t nwork;
    bool overflow; /* some grey block is not on the list */
    bool grey_map; /* a mmapped one is grey */
    uint8_t *window;
    uint8_t *buffer;
    uint8_t *page; /* a copy of the one at page_at; 0: of none */
    uintptr_t page_at;
};

void reach_begin(struct reach *reach, struct leak_index *index,
                 struct target *target, bool interior);
void reach_end(struct reach *reach);

/* What a word points to is marked; `slot`: where the word lies. */
void reach_word(struct reach *reach, uintptr_t word, uintptr_t slot);

/* The same of all words of a stretch; what holds no memory is passed over. */
void reach_range(struct reach *reach, uintptr_t start, size_t size);

/* ... and of one block, as if a word had pointed to it. */
void reach_block(struct reach *reach, const struct leak_ref *ref);

/* Until nothing is grey. */
void reach_drain(struct reach *reach);

#endif
