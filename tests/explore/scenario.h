/* SPDX-License-Identifier: MIT */
#ifndef EXPLORE_SCENARIO_H
#define EXPLORE_SCENARIO_H
/*
 * What the threads do.  A program is words, one operation each:
 *
 *   aN  allocates block N            fN  frees it, once it is there
 *   u   sends the thread's batches   c   collects what others freed
 *   m   300 ms pass; maintenance     t   trims all heaps
 *   e   the thread ends, what it     x   it ends, and a new thread goes on
 *       does then is a destructor's      in its place: adopts a heap
 *   l   locks its own heap           s   the same, by heap_try_enter()
 *   h   locks thread 0's heap        y   the same, if it can
 */
#include "thread.h"

struct scenario {
    const char *name;
    const char *what;
    const char *setup[NTHREADS]; /* one thread after the other */
    const char *run[NTHREADS];   /* explored: at most 4 operations each */
    bool classic;                /* blocks are chunks */
    bool has_fine;               /* preemption behind writes, too */
    bool has_tso;                /* store buffers */
    size_t help_bytes; /* pending bytes that call for help; 0 = never */
    unsigned batch;    /* objects or chunks sent at a time; 0 = 1 */
    int bound;         /* preemptions explored in CI; -1: any number */
};

extern const struct scenario scenarios[];

/* Set before the start: hardened mode. */
extern bool explore_harden;

/* NULL = there is none of that name. */
const struct scenario *scenario_find(const char *name);

/* Sets liballoc up, and the threads to where exploration begins. */
void scenario_start(const struct scenario *scenario);

/* What is to hold when all threads are done; ends in explore_fail() if not.
   Run by thread_run_check(). */
void scenario_check(void);

/* A name for a word, for traces. */
const char *scenario_name_of(const volatile void *at);

/* As free() in either mode, the slow way. */
void scenario_free(void *mem);

/* Blocks that are allocated. */
enum { NBLOCKS = 16 };
extern _Atomic(void *) blocks[NBLOCKS];

#endif
