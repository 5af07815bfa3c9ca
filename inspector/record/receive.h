/* SPDX-License-Identifier: MIT */
#ifndef RECORD_RECEIVE_H
#define RECORD_RECEIVE_H
/* Runs a program and writes what it allocates and frees into a file. */
#include "record/writer.h"

struct receive_options {
    char **argv; /* the program and its words; ends with NULL */
    int argc;
    const char *file; /* NULL: heapinspect.PROGRAM.PID.rec */
    bool force;
    bool no_liballoc;
};

struct received {
    char file[512];
    uint64_t dropped; /* events that the file could not take */
    int why;          /* errno */
    struct record_end end;
    bool attached; /* the program took the recorder */
};

/* STATUS_FINE once the program has run, whatever became of it. */
enum status receive(const struct receive_options *options,
                    struct received *received, struct failure *failure);

#endif
