/* SPDX-License-Identifier: MIT */
#ifndef REPLAY_H
#define REPLAY_H
/*
 * A trace made ready to be played: per thread an array of operations on slots.
 *
 * A slot holds the address of a live object.  An object that its own thread
 * ends gets a slot that this thread uses again and again; one that another
 * thread ends has a slot of its own, and its consumer waits until it is full.
 */
#include "bench.h"

#include <stdatomic.h>

enum {
    STRIDE = 64,   /* calls between two looks at the other threads */
    WINDOW = 8192, /* how far a thread may be ahead, in calls of the trace */
};

enum play_op {
    PLAY_START, /* thread `slot` makes its first call after this one */
    PLAY_MALLOC,
    PLAY_CALLOC,
    PLAY_ALIGNED,
    PLAY_REALLOC,
    PLAY_FREE,
};

struct play {
    uint64_t op : 4;
    uint64_t align_log2 : 5;
    uint64_t shared : 1; /* `old` may have to be waited for */
    uint64_t size : 48;
    uint32_t slot;  /* that it fills */
    uint32_t old;   /* that it empties */
    uint32_t stamp; /* its place in the trace */
};

struct player {
    struct play *plays;
    uint64_t nplays;
    void *scratch; /* what this thread's null allocator gives */
    /* Atomic: of what it plays; relaxed, an old one only makes others wait. */
    _Alignas(64) atomic_uint stamp;
};

struct replay {
    struct player *players; /* one per thread, in harness pages */
    uint32_t nplayers;
    uint64_t ncalls;
    uint64_t max_size;
    _Atomic(void *) *slots;
    uint32_t nslots;
};

/*
 * Reads the trace; with `one_thread` all is thread 0's.  A trace that cannot
 * be used ends the program: one line, exit status 2.
 */
void replay_load(struct replay *replay, const char *path, bool one_thread);

#endif
