/* SPDX-License-Identifier: MIT */
#ifndef RECORD_START_H
#define RECORD_START_H
/* Starts a program with the recorder preloaded. */
#include "record/receive.h"

struct started {
    pid_t pid;
    int pidfd;
    int fd; /* of the shared memory */
    struct record_header *header;
};

/* The shared memory, all of it zero but for the header. */
bool start_memory(struct started *started, struct failure *failure);
void start_header(struct started *started);

/* False with the failure: no recorder, or PROGRAM cannot be run. */
bool start_program(struct started *started,
                   const struct receive_options *options,
                   struct failure *failure);

#endif
