/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_STACK_READER_H
#define LIBALLOC_PROF_STACK_READER_H
/*
 * Words of a stack, read without a fault, whatever the address.
 *
 *   [low, low + span)   certainly readable: read as it is
 *   elsewhere           process_vm_readv(2) on ourselves, a page at a time
 *
 * Layer: prof.  Protected by: the unwinder's owner.
 */
#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STACK_PAGE = 4096,
};

struct stack_reader {
    uintptr_t low;
    uintptr_t span; /* of addresses where a word may begin */
    uintptr_t page; /* that `copy` holds; 0 = none */
    ALIGNED(16) unsigned char copy[STACK_PAGE];
};

/* What is known of the main thread's stack.  Once, before all else. */
void stack_reader_init(void);

/* Forgets what was copied; looks for the bounds around `sp`. */
void stack_reader_begin(struct stack_reader *reader, uintptr_t sp);

/* The slow way of the next; false = not readable, or the kernel refuses. */
bool stack_copy_word(struct stack_reader *reader, uintptr_t address,
                     uintptr_t *word);

/* False: not certainly readable. */
NO_SANITIZE static inline bool
stack_word_direct(const struct stack_reader *reader, uintptr_t address,
                  uintptr_t *word)
{
    if (UNLIKELY(address - reader->low >= reader->span))
        return false;
    *word = *(const uintptr_t *)address;
    return true;
}

static inline bool stack_word(struct stack_reader *reader, uintptr_t address,
                              uintptr_t *word)
{
    return stack_word_direct(reader, address, word) ||
           stack_copy_word(reader, address, word);
}

#endif
