/* SPDX-License-Identifier: MIT */
#ifndef FAULT_WORKLOAD_H
#define FAULT_WORKLOAD_H
/*
 * The programs of the fault sweeps.  Each leaves the heap as it found it, and
 * takes NULL for an answer as long as `kernel_is_generous` is false.
 */
#include "test.h"

#include "base/bits.h"
#include "base/compiler.h"

#include <malloc.h>
#include <stdlib.h>

struct workload {
    const char *name;
    void (*run)(void);
};

extern const struct workload workloads[];
extern const size_t nworkloads;

/* No call fails: every request must succeed. */
extern bool kernel_is_generous;

/* The compiler forgets what it knew of the block: no elided mallocs. */
static inline void *launder(void *mem)
{
    FORGET(mem);
    return mem;
}

/* A result of the malloc family: NULL only with ENOMEM, in hard times. */
void *taken(void *mem, size_t size);

/* malloc(size) with its first and last byte written; or NULL. */
unsigned char *take(size_t size);

/* free(mem), which must leave errno alone. */
void give(void *mem);

/* Both bytes are as take() left them; NULL is fine. */
bool is_whole(const unsigned char *mem, size_t size);

#endif
