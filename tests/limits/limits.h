/* SPDX-License-Identifier: MIT */
#ifndef LIMITS_H
#define LIMITS_H
/*
 * How the cases of test_limits.c set a limit for a child.
 */
#include <stdbool.h>
#include <stddef.h>

enum {
    CANNOT = 99, /* exit status of a child that could not set its limit */
};

/* A child calls set(arg) and becomes `work VERB BYTES`; its wait status. */
int work_status(void (*set)(void *arg), void *arg, const char *verb,
                const char *bytes);

/* The case fails unless that is 0, or skips when no limit could be set. */
void work_judge(int status, const char *verb, const char *bytes);

/* Both calls fail with the errno at `error`, from the next exec on. */
void deny_madvise_and_mremap(void *error);

/* A cgroup of our own; version 1 or 2. */
struct group {
    char dir[300];
};

/* NULL, or why there can be none. */
const char *group_make(struct group *group, size_t bytes);
void group_enter(void *group);
void group_remove(const struct group *group);

bool file_write(const char *path, const char *text);

/*
 * A process that puts back what `path` holds now as soon as the write end of
 * the pipe is closed: by sysctl_end(), or by our death.
 */
bool sysctl_guard(const char *path, int guard[2]);
void sysctl_end(int guard[2]);

#endif
