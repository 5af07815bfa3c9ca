/* SPDX-License-Identifier: MIT */
#ifndef CMD_SNAP_H
#define CMD_SNAP_H
/* One snapshot, and series of them. */
#include "cmd/view.h"
#include "snapshot/snapshot.h"

enum { SNAP_PATH = 512 };

/* Takes and stores one; fills *result.  Not STATUS_FINE: the failure says. */
enum status snap_take(struct context *context,
                      const struct snapshot_request *request,
                      struct snapshot_result *result);

/* "PROGRAM.PID", where no name was given. */
void snap_default_name(const struct context *context, char path[SNAP_PATH]);

/* Are there options that ask for a series? */
bool snap_is_series(const struct context *context);

/*
 * Snapshots PREFIX.NNNN.heap, at times or when the process grows, until the
 * count is reached, the process ends, a signal comes or the disk is full.
 * What was written stays, and no file is overwritten.
 */
enum status snap_series(struct context *context,
                        const struct snapshot_request *request,
                        const char *prefix);

#endif
