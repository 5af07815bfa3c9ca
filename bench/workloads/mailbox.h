/* SPDX-License-Identifier: MIT */
#ifndef MAILBOX_H
#define MAILBOX_H
/*
 * Blocks on their way to another thread, linked through themselves: nothing
 * but the blocks travels, and the harness allocates nothing for it.
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdlib.h>

/* The first words of a travelling block. */
struct letter {
    struct letter *next;
    uint64_t size;
};

struct mailbox {
    /* Atomic: the newest letter; release in send, acquire in take. */
    _Alignas(64) _Atomic(struct letter *) newest;
};

static inline void mailbox_send(struct mailbox *box, void *mem, size_t size)
{
    struct letter *letter = mem;
    letter->size = size;
    letter->next = atomic_load_explicit(&box->newest, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&box->newest, &letter->next,
                                                  letter, memory_order_release,
                                                  memory_order_relaxed))
        continue;
}

/* All letters, the newest first; NULL if there is none. */
static inline struct letter *mailbox_take(struct mailbox *box)
{
    if (!atomic_load_explicit(&box->newest, memory_order_relaxed))
        return NULL;
    return atomic_exchange_explicit(&box->newest, NULL, memory_order_acquire);
}

/* Frees what has come; the sum of the last bytes: they have been read. */
static inline uint64_t mailbox_empty(struct mailbox *box)
{
    uint64_t sum = 0;
    struct letter *letter = mailbox_take(box);
    while (letter) {
        struct letter *next = letter->next;
        sum += ((unsigned char *)letter)[letter->size - 1];
        free(letter);
        letter = next;
    }
    return sum;
}

#endif
