/* SPDX-License-Identifier: MIT */
#ifndef EXPLORE_POINTS_H
#define EXPLORE_POINTS_H
/*
 * Which accesses are scheduling points: those to words that one thread reads
 * and another writes.  The search itself finds them: an access that makes a
 * word shared is noted, and the search starts anew, until none is found.
 * What threads do to other words commutes, so its order does not matter.
 */
#include "explore.h"

struct points_mode {
    bool on;     /* off: set-up and checks, nothing is scheduled */
    bool fine;   /* plain code behind a write to a shared word may be
                    preempted, too: finds what touches memory too late */
    bool tso;    /* stores to shared words wait in a store buffer */
    bool replay; /* every point counts, none is found shared */
};

/* Not in the world: undo keeps it. */
extern struct points_mode *points_mode;

void points_init(void);

/* Forgets which words are shared. */
void points_reset(void);

/* True once after a word became shared. */
bool points_grew(void);

/* Shared words. */
unsigned points_count(void);

/* thread.c: counts a scheduling point; true: the step wants to end here. */
bool thread_must_stop(void);

#endif
