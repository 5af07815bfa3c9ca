/* SPDX-License-Identifier: MIT */
#ifndef SNAPSHOT_SNAPSHOT_H
#define SNAPSHOT_SNAPSHOT_H
/*
 * Writes snapshots (layout/snapshot.h): a heap as a core that gdb opens and
 * all verbs read.
 *
 *   plan.c      which stretches are stored      metadata.c  our structures
 *   redact.c    which bytes of heaps are ours   notes.c     all but memory
 *   log.c       what was copied             file.c      the sparse file
 *
 * The file appears under its name when it is whole, or not at all.
 */
#include "walk/model.h"

struct snapshot_request {
    const char *path;
    bool content; /* the program's bytes too */
    bool force;   /* the file may exist */
};

struct snapshot;

struct snapshot_result {
    uint64_t size;    /* of the file, holes included */
    uint64_t on_disk; /* bytes that it takes */
    uint64_t memory;  /* bytes of memory that it describes */
    uint64_t kept;    /* of these, bytes that were copied */
    size_t segments;
    size_t unreadable; /* objects or pages that could not be copied */
};

/*
 * Copies what is to be stored, of the target of a model that is held; metadata
 * is kept in our memory, contents go to the file at once.  NULL with *failure.
 */
struct snapshot *snapshot_take(const struct model *model,
                               const struct snapshot_request *request,
                               struct failure *failure);

/*
 * Writes it, when the target runs on: it stood for `stop_ms`.  Frees.  False
 * with *failure: there is no file then.
 */
bool snapshot_store(struct snapshot *snapshot, double stop_ms,
                    struct snapshot_result *result, struct failure *failure);

#endif
