/* SPDX-License-Identifier: MIT */
#ifndef WATCH_H
#define WATCH_H
/*
 * A shadow process and its record, and heapinspect run on it.  Functions that
 * cannot go on leave the test case (REQUIRE).
 */
#include "test.h"

#include "shadow.h"
#include "walk/model.h"

struct shadow {
    pid_t pid;                     /* 0: none */
    int to;                        /* its stdin */
    struct shadow_record *records; /* live ones by address, then freed ones */
    size_t nlive;
    size_t nrecords;
};
extern struct shadow shadow;

/* Starts it with LIBALLOC_CONF = `conf`, and waits until it rests. */
void shadow_start(const char *pattern, const char *slots, const char *conf);
void shadow_stop(void);

/* The live object at or before the address; NULL: there is none. */
const struct shadow_record *shadow_before(uintptr_t address);

/* A file of this run's own, which goes with the program. */
const char *scratch(const char *name);

enum { KILLED = -1 };

/*
 * Runs a program, stdin from `in`, stdout to `out` (NULL: nothing, "-": ours).
 * Its exit status; KILLED by a signal, that of a time limit among them.
 */
int run(const char *in, const char *out, char *const *argv);

/* The same: `heapinspect VERB PID ...`, arguments up to a NULL. */
int inspect(const char *in, const char *out, const char *const *arguments);

/* Opens the shadow and its model; `mode` of target.h. */
struct model *model_open(enum target_mode mode);
void model_close(struct model *model);

#endif
