/* SPDX-License-Identifier: MIT */
#ifndef EXPLORE_THREAD_H
#define EXPLORE_THREAD_H
/*
 * Logical threads: fibers with a stack and an image of the TLS block each, all
 * of it in the world, so that undo brings them back to where they stood.
 */
#include "explore.h"

enum {
    NTHREADS = 3,
    TLS_MAX = 512,
    NSTORES = 8, /* buffered stores a thread */
};

/* A store that only its thread sees yet. */
struct buffered {
    volatile void *at;
    uint64_t value;
    size_t size;
};

struct thread {
    void *sp;
    enum point point;             /* what it does next */
    const volatile void *at;      /* ... with this word */
    const volatile void *last_at; /* the word last read, and what it was */
    uint64_t last_value;
    size_t last_size;
    bool done;
    bool asleep;    /* in futex(2), on `at` */
    void *key_data; /* pthread_setspecific() */
    size_t nstores;
    struct buffered stores[NSTORES];
    char tls[TLS_MAX];
};

/* What is in the world but not liballoc's. */
struct threads {
    struct thread of[NTHREADS];
    uint64_t now_ms;
};

extern struct threads *threads;

/* Once, at start, before anything touched TLS. */
void threads_init(void);

/* Makes thread `i`, which will run `body(i)`. */
void thread_create(int i, void (*body)(int i));

/*
 * Lets thread `i` run until its next scheduling point.  False: it failed, see
 * failure().  With `points` > 0 it runs on to the points-th from here.
 */
bool thread_step(int i, unsigned points);

/* Scheduling points that the last step went through. */
unsigned thread_points(void);

/* Whether it could go on; `is_voluntary`: being passed over is its wish. */
bool thread_is_enabled(int i);
bool thread_is_voluntary(int i);

/* The first buffered store of the thread goes to memory. */
void thread_flush_store(int i);

/* The calling thread stops here until it is chosen again. */
void thread_park(enum point point, const volatile void *at);

/* Runs `check` outside of the threads, with a TLS block as at start but for
   what earlier checks left in it.  False: it failed. */
bool thread_run_check(void (*check)(void));

/* Ends the running step: what liballoc or the scenario did is wrong. */
_Noreturn void explore_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
const char *failure(void);
void failure_text(const char *text, size_t len);

/* The thread that runs, or -1: set-up and checks. */
int thread_self(void);

/* The TLS block of the calling thread is as at its start again. */
void thread_forget_tls(void);

/* The next check begins with the TLS block that the last one left. */
void thread_check_ends(void);

/* Where a TLS variable of the caller lies in the image of another thread. */
void *thread_tls_of(int i, void *variable);

#endif
