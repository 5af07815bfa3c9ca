/* SPDX-License-Identifier: MIT */
#ifndef CHILD_H
#define CHILD_H
/*
 * The process that the tests look at: target.c, driven over two pipes.
 * Functions that cannot go on leave the test case (REQUIRE).
 */
#include "test.h"

#include "census.h"

/* A running target, or what is left of the last one (pid 0). */
struct child {
    pid_t pid;
    int to;
    int from;
};
extern struct child child;

void child_stop(void);

/* One line without its end; false: the target is gone. */
bool child_line(char *line, size_t len);

/* Sends a command and takes the first line of the answer. */
bool child_command(char command, char *line, size_t len);

/*
 * Starts `program` with LIBALLOC_CONF = `conf` and `library` preloaded (empty:
 * the program has liballoc inside).
 */
bool child_run(const char *program, const char *library, const char *conf);

/* Starts the preloaded target and opens its root. */
void child_open(struct target *target, const char *conf);

/* A census of a heap at rest: no fault, nothing torn. */
void child_census(const struct target *target, struct census *census);

/* A tunable's value by its name, out of the target. */
size_t child_tunable(const struct target *target, const char *name);

#endif
