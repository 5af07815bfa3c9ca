/* SPDX-License-Identifier: MIT */
#ifndef CMD_REFS_H
#define CMD_REFS_H
/* What `refs` and `leaks --explain` share. */
#include "cmd/view.h"
#include "leak/path.h"

enum { REFS_STEPS = 64 };

/* "stack of thread 12", "data of /usr/bin/x"; text >= REFS_PLACE. */
enum { REFS_PLACE = 256 };
const char *refs_root_name(const struct path *path, const struct root *root,
                           uintptr_t slot, char *text);

/* The way from a root to the block, as sentences or a table. */
enum status refs_show_path(struct context *context, const struct path *path);

/* No live block is there: said in the verb's failure. */
enum status refs_refuse(struct context *context, const char *address);

#endif
