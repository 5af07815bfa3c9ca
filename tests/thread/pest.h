/* SPDX-License-Identifier: MIT */
#ifndef PEST_H
#define PEST_H
/*
 * A timer that interrupts the thread by SIGUSR1 some 50 000 times a second,
 * and the work that is interrupted: blocks that come, go and keep their
 * contents.  The program knows whether it is inside the allocator, as every
 * program must whose handlers do more than set a flag:
 *
 *   critical = 1   malloc, and the note where the block is   critical = 0
 *
 * `calling` is set around the call alone, for those who look closer.
 */
#include "contents.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum {
    PEST_BLOCKS = 200,
    PEST_NS = 20011, /* a prime: no beat with the work */
};

static atomic_uint pest_hits;   /* handlers that ran */
static atomic_uint pest_inside; /* of these, in a call of the allocator */
static volatile sig_atomic_t critical;
static volatile sig_atomic_t calling;
static volatile sig_atomic_t wanted; /* by a handler, after the section */
static void (*volatile pest_deed)(void);

static struct block pest_table[PEST_BLOCKS];
static uint64_t pest_random = 1;

/* Starts it, with `handler` for SIGUSR1, on the calling thread. */
static inline bool pest_start(timer_t *pest, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                             .sigev_signo = SIGUSR1};
    struct itimerspec often = {{0, PEST_NS}, {0, PEST_NS}};
    event._sigev_un._tid = gettid();
    sigaction(SIGUSR1, &action, NULL);
    atomic_store(&pest_hits, 0);
    atomic_store(&pest_inside, 0);
    return timer_create(CLOCK_MONOTONIC, &event, pest) == 0 &&
           timer_settime(*pest, 0, &often, NULL) == 0;
}

static inline void pest_end(timer_t pest)
{
    timer_delete(pest);
    signal(SIGUSR1, SIG_IGN);
}

/* In a handler: counts it. */
static inline void pest_hit(void)
{
    atomic_fetch_add(&pest_hits, 1);
    if (calling) {
        atomic_fetch_add(&pest_inside, 1);
    }
}

static inline void *pest_malloc(size_t size)
{
    calling = 1;
    void *mem = launder(malloc(size));
    calling = 0;
    return mem;
}

static inline void pest_free(void *mem)
{
    calling = 1;
    free(launder(mem));
    calling = 0;
}

/* The compiler moves no store of the table across either. */
static inline void critical_enter(void)
{
    critical = 1;
    atomic_signal_fence(memory_order_seq_cst);
}

/* What a handler put off is done now, still inside: it may allocate. */
static inline void critical_leave(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    critical = 0;
    while (wanted) {
        critical_enter();
        wanted = 0;
        pest_deed();
        atomic_signal_fence(memory_order_seq_cst);
        critical = 0;
    }
}

/* One block freed, or one allocated and filled; false: contents changed. */
static inline bool pest_step(void)
{
    uint64_t random = random_next(&pest_random);
    struct block *block = &pest_table[random_part(random, PEST_BLOCKS)];
    struct block fresh = {.size = random_size(&pest_random) % (40 * KIB),
                          .seed = (uint32_t)random};
    if (block->mem != NULL) {
        bool held = contents_wrong(block, block->size) == SIZE_MAX;
        void *mem = block->mem;
        critical_enter();
        block->mem = NULL; /* a handler that jumps out of free() loses it */
        pest_free(mem);
        critical_leave();
        return held;
    }
    critical_enter();
    fresh.mem = pest_malloc(fresh.size);
    if (fresh.mem != NULL) {
        contents_write(&fresh);
    }
    *block = fresh;
    critical_leave();
    return fresh.mem != NULL;
}

static inline void pest_clear(void)
{
    for (unsigned i = 0; i < PEST_BLOCKS; i++) {
        free(pest_table[i].mem);
        pest_table[i].mem = NULL;
    }
}

#endif
