/* SPDX-License-Identifier: MIT */
#ifndef INSPECTOR_MEMORY_H
#define INSPECTOR_MEMORY_H
/*
 * Memory that is there, or the end: one line and STATUS_INCOMPLETE.  Counts
 * that come from a target are bounded by the caller first.
 */
#include <stddef.h>

void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size);
char *xstrdup(const char *text);

/* Room for one more element in an array of `count`; doubles as it grows. */
void *xgrow(void *array, size_t count, size_t size);

#endif
