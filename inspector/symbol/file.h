/* SPDX-License-Identifier: MIT */
#ifndef SYMBOL_FILE_H
#define SYMBOL_FILE_H
/*
 * The file of a module, opened if it is the build that the target runs:
 *
 *   build ids agree                            yes
 *   the target's has none                      live: the same inode; else no
 *   not known what the target's is             no
 *
 * Looked for through /proc/PID/root (containers) and /proc/PID/map_files
 * (deleted files), then as a debug file by build id.  A wrong name is worse
 * than none: whatever is not proven is refused, and the target warned.
 */
#include "symbol/modules.h"

/* A descriptor, or -1. */
int module_open(struct target *target, const struct modules *modules,
                const struct module *module);

#endif
