/* SPDX-License-Identifier: MIT */
#ifndef EXPLORE_SEARCH_H
#define EXPLORE_SEARCH_H
/*
 * Depth-first search over the states of a scenario, each visited once.
 */
#include <stdbool.h>
#include <stddef.h>

enum verdict {
    SEARCH_EXHAUSTED, /* every state was reached */
    SEARCH_BOUNDED,   /* every state that takes at most `bound` preemptions */
    SEARCH_FAILED,    /* a schedule breaks something: search_schedule() */
    SEARCH_LIMIT,     /* gave up: says nothing about the rest */
};

struct search_limits {
    int bound;     /* preemptions; -1 = any number */
    size_t states; /* most of them */
    double seconds;
};

struct search_figures {
    size_t states;      /* distinct ones, with a bound: and thread at work */
    size_t transitions; /* steps of a thread, executed */
    size_t ends;        /* distinct states with all threads done, checked */
    double schedules;   /* interleavings that lead there; without a bound */
    size_t cycles;      /* steps back to a state on the way to it */
    size_t depth;
    unsigned restarts; /* for shared words found on the way */
    double seconds;
};

void search_init(void);
enum verdict search(const struct search_limits *limits,
                    struct search_figures *figures);

/* The schedule that failed, for --replay; and why. */
const char *search_schedule(void);
const char *search_failure(void);

/* Runs one schedule and prints its steps.  True: nothing failed. */
bool search_replay(const char *schedule);

#endif
