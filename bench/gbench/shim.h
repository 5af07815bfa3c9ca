/* SPDX-License-Identifier: MIT */
#ifndef SHIM_H
#define SHIM_H
/*
 * Google Benchmark for C: a benchmark is a row of a table, its body a C
 * function.  shim.cc is the only C++ of the project.
 *
 * The body asks for turns until there are none:
 *
 *     for (unsigned n; (n = shim_turns(state, 1000)) > 0;)
 *         while (n-- > 0)
 *             ... one operation ...
 *
 * The time runs from the first shim_turns() to the last; turns come in batches
 * because each call of it costs as much as a fast malloc.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shim_threads {
    SHIM_ONE,  /* thread */
    SHIM_MANY, /* 1, 2 and 8 threads, each running the body */
};

struct shim_state;

struct shim_benchmark {
    const char *name; /* NULL ends a table; "/size" and "/count" are added */
    void (*body)(struct shim_state *state,
                 const struct shim_benchmark *benchmark);
    size_t size;  /* of a block; 0: none in the name */
    size_t count; /* of blocks alive; 0: none in the name */
    enum shim_threads threads;
    unsigned extra; /* the body's own: an order, an alignment */
};

/* `batch` turns, or 0 when it is over. */
unsigned shim_turns(struct shim_state *state, unsigned batch);
unsigned shim_thread(const struct shim_state *state);
/* Before any turn: the result says "skipped: why", the rest goes on. */
void shim_skip(struct shim_state *state, const char *why);

void shim_register(const struct shim_benchmark *table);
/* Runs what the arguments choose; the exit status. */
int shim_main(int argc, char **argv, const char *malloc_from);

/* The compiler must believe that the memory is read, and written, here. */
static inline void shim_keep(const void *mem)
{
    __asm__ volatile("" : : "r"(mem) : "memory");
}

#ifdef __cplusplus
}
#endif

#endif
