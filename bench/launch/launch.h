/* SPDX-License-Identifier: MIT */
#ifndef LAUNCH_H
#define LAUNCH_H
/*
 * bench_launch: runs a program and reads what its processes used at the moment
 * each of them ends, while its memory is still there to be asked about.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { MAX_SETTINGS = 64 };

struct command {
    char **argv;
    const char *report;  /* file for the JSON; NULL: stderr */
    const char *library; /* preloaded and looked for in maps; NULL: none */
    char *settings[MAX_SETTINGS]; /* VAR=VALUE */
    unsigned nsettings;
    bool no_thp;
};

/* What one process was like when it ended. */
struct process_end {
    uint64_t peak_kib; /* VmHWM */
    uint64_t anon_kib; /* RssAnon */
    bool mapped;       /* the library is in its maps */
};

struct outcome {
    uint64_t wall_ns; /* from the program's exec to its end */
    uint64_t user_us; /* all processes that were waited for */
    uint64_t sys_us;
    uint64_t faults;
    uint64_t major_faults;
    uint64_t peak_kib;      /* the largest of any process */
    uint64_t root_peak_kib; /* of the program itself */
    uint64_t anon_sum_kib;  /* of all, each as it ended */
    unsigned processes;     /* seen to end */
    unsigned mapped;        /* of these, with the library */
    unsigned left;          /* still there when the program ended: ended too */
    bool root_mapped;
    bool traced; /* false: ptrace is not allowed; peak is ru_maxrss then */
    bool started;
    int status; /* of wait */
};

/* False with errno when nothing could be started. */
bool launch(const struct command *command, struct outcome *outcome);

/* A process in its exit stop; zeros for what cannot be read. */
struct process_end process_read(pid_t pid, const char *library);

/* Prints how long a fixed piece of work takes here and now. */
void calibrate(void);

#endif
