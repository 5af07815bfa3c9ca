/* SPDX-License-Identifier: MIT */
#ifndef POISON_H
#define POISON_H
/*
 * Forges the links of freed blocks, then allocates until all of them should
 * have been handed out again.
 */
#include "misuse.h"

enum {
    POISON_N = 40,
    POISON_TRIES = 4000,
};

static inline void poison_fill(void *mem[POISON_N], size_t size)
{
    for (int i = 0; i < POISON_N; i++) {
        mem[i] = block(size);
    }
}

static inline void poison_drop(void *mem[POISON_N])
{
    for (int i = 0; i < POISON_N; i++) {
        free(mem[i]);
    }
}

/*
 * `leads_to` is what the links are forged to; NULL: a live block of the same
 * size, got just before the others are freed.
 */
static inline void poison(size_t size, const void *leads_to, const char *what)
{
    void *mem[POISON_N];
    /* An attacker who can make the bin large enough for all of them does. */
    for (int round = 0; round < 2; round++) {
        poison_fill(mem, size);
        poison_drop(mem);
    }
    poison_fill(mem, size);
    if (leads_to == NULL) {
        leads_to = block(size);
    }
    poison_drop(mem);
    victim(mem[POISON_N - 1]);
    for (int i = 0; i < POISON_N; i++) {
        memcpy(launder(mem[i]), &leads_to, sizeof(leads_to));
    }
    for (int i = 0; i < POISON_TRIES; i++) {
        void *got = launder(malloc(size));
        if (got == leads_to) {
            succeeded(what);
        }
        if (i % 2 == 0 && i > 2 * POISON_N) {
            free(got);
        }
    }
}

#endif
