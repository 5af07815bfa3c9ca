/* SPDX-License-Identifier: MIT */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H
/* The commands of bench_trace. */
#include <stdbool.h>
#include <stdint.h>

struct record_options {
    const char *file;
    bool all;     /* every process, not only the busiest */
    uint64_t max; /* events of a process; 0: all */
    char **program;
};

/* Each returns the exit status: 0, or 1 after a line on stderr. */
int command_record(const struct record_options *options);
int command_info(const char *file);

#endif
