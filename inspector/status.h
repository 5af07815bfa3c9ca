/* SPDX-License-Identifier: MIT */
#ifndef INSPECTOR_STATUS_H
#define INSPECTOR_STATUS_H
/* Exit statuses of every verb, and the one line that explains a failure. */
#include <stdbool.h>

enum status {
    STATUS_FINE = 0,        /* done, nothing found that should alarm */
    STATUS_FINDING = 1,     /* a leak, a broken invariant, a difference */
    STATUS_USAGE = 2,       /* wrong option, verb, filter, file */
    STATUS_GONE = 3,        /* no such target, or liballoc is not in it */
    STATUS_PERMISSION = 4,  /* the kernel refuses; `doctor` tells which gate */
    STATUS_INCOMPLETE = 5,  /* shown what could be read; some could not */
    STATUS_UNSUPPORTED = 6, /* another major version of the layout */
};

struct failure {
    enum status status;
    char text[256]; /* one line, without "heapinspect: " and newline */
};

/* Fills *failure (which may be NULL); returns `status`. */
enum status fail(struct failure *failure, enum status status,
                 const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * May another file be renamed to `path`?  If nothing or a plain file is there:
 * a device or a symbolic link would be gone.  False with *failure.
 */
bool is_replaceable(const char *path, struct failure *failure);

#endif
