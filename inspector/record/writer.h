/* SPDX-License-Identifier: MIT */
#ifndef RECORD_WRITER_H
#define RECORD_WRITER_H
/*
 * Writes the file of a record, a block at a time.  A write that fails (a full
 * disk) cuts the file to its last whole block; what comes then is counted.
 */
#include "record/file.h"
#include "status.h"

#include <sys/types.h>

struct record_writer;

/* NULL with the failure: FILE exists (and no `force`), or cannot be. */
struct record_writer *writer_open(const char *path, bool force,
                                  struct failure *failure);

/* The file's start; what it held is dropped. */
void writer_begin(struct record_writer *writer, pid_t pid, int argc,
                  char **argv);

/* Events with stamps, all of one thread, from a chunk. */
void writer_events(struct record_writer *writer, uint32_t thread,
                   const struct record_event *events, uint32_t count);

void writer_nodes(struct record_writer *writer, const struct record_node *nodes,
                  uint32_t first, uint32_t count);

void writer_modules(struct record_writer *writer,
                    const struct record_module *modules, uint32_t count);

/* Events that were not written, and why: errno; 0: all were. */
uint64_t writer_dropped(const struct record_writer *writer, int *why);

/* Ends the file, closes it. */
void writer_close(struct record_writer *writer, const struct record_end *end);

#endif
