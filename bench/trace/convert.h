/* SPDX-License-Identifier: MIT */
#ifndef CONVERT_H
#define CONVERT_H
/* From a recorder's raw file to a trace. */
#include "format.h"
#include "raw.h"

#include <stddef.h>

/* A recorder's file in memory; the last chunk may be short of events. */
struct raw {
    const struct raw_header *header;
    const struct raw_event *events;
    size_t nevents; /* room for them: some have no stamp */
    size_t bytes;
};

/* False: no such file, or none that a recorder wrote. */
bool raw_open(struct raw *raw, const char *path);
void raw_close(struct raw *raw);
size_t raw_count(const struct raw *raw); /* events with a stamp */

struct converted {
    struct trace_header header;
    uint64_t foreign; /* frees of objects that the recorder did not see made */
    uint64_t lost;    /* objects whose free it did not see */
};

/* Outcome: `path` is a trace.  Failure: a reason; `path` is as it was. */
const char *convert(const struct raw *raw, const char *path,
                    struct converted *converted);

#endif
