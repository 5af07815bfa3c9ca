/* SPDX-License-Identifier: MIT */
#ifndef RECORDER_H
#define RECORDER_H
/*
 * Between interpose.c, which stands in for malloc's family and calls the next
 * one in the link order, and who keeps the events: recorder.c here, and that
 * of bench/trace.
 */
#include "layout/record.h"

#include <stdbool.h>
#include <stddef.h>

/* Once, at the first call; without its variable nothing is recorded. */
void recorder_init(void);

/*
 * Each call of the family lies between these two; recorder_enter() is false
 * where it must not be recorded: within another one, or in a forked child.
 */
bool recorder_enter(void);
void recorder_leave(void);

/* Draws a stamp and keeps the event.  errno is left as it was. */
void recorder_event(enum record_op op, const void *mem, size_t size,
                    unsigned align_log2);

#endif
