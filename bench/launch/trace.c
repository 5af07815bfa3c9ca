/* SPDX-License-Identifier: MIT */
/*
 * The program runs under ptrace, which stops a process only where it forks,
 * execs, gets a signal or ends.  Threads are not traced: starting them costs
 * what it costs without us, and a child forked by a thread other than the
 * first is counted in the times but not in the peaks.
 *
 *   SEIZE ─▶ exec: the clock starts ─▶ … fork: the child is traced as well
 *                                      exit stop: VmHWM, maps ─▶ end
 */
#include "launch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACE_OPTIONS                                               \
    (PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | \
     PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL)

enum {
    EXEC_FAILED = 127,
    LINGER_TRIES = 100, /* of a millisecond, for children left behind */
};

struct trace {
    const struct command *command;
    struct outcome *outcome;
    pid_t root;
    uint64_t started_ns;
    unsigned begun; /* processes seen to start */
    bool root_done;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static _Noreturn void child_exec(const struct command *command, int go)
{
    char byte;
    if (read(go, &byte, 1) != 1)
        _exit(EXEC_FAILED);
    close(go);
    if (command->no_thp && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
        perror("bench_launch: PR_SET_THP_DISABLE");
    /* Here and not before: only the program gets them.  One thread. */
    for (unsigned i = 0; i < command->nsettings; i++)
        putenv(command->settings[i]); // NOLINT(concurrency-mt-unsafe)
    if (command->library) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe)
        setenv("LD_PRELOAD", command->library, 1);
    }
    execvp(command->argv[0], command->argv);
    dprintf(2, "bench_launch: ");
    perror(command->argv[0]);
    _exit(EXEC_FAILED);
}

static void note_end(struct trace *trace, pid_t pid)
{
    struct outcome *outcome = trace->outcome;
    struct process_end end = process_read(pid, trace->command->library);
    outcome->processes++;
    outcome->mapped += end.mapped;
    outcome->anon_sum_kib += end.anon_kib;
    if (end.peak_kib > outcome->peak_kib)
        outcome->peak_kib = end.peak_kib;
    if (pid == trace->root) {
        outcome->root_peak_kib = end.peak_kib;
        outcome->root_mapped = end.mapped;
    }
}

static void note_exec(struct trace *trace, pid_t pid)
{
    if (pid != trace->root || trace->outcome->started)
        return;
    trace->outcome->started = true;
    trace->started_ns = now_ns();
}

static void resume(pid_t pid, int signal)
{
    /* ESRCH: killed meanwhile; its end is reported by wait. */
    ptrace(PTRACE_CONT, pid, NULL, (void *)(intptr_t)signal);
}

static void on_stop(struct trace *trace, pid_t pid, int status)
{
    int signal = WSTOPSIG(status);
    switch (status >> 16) {
    case PTRACE_EVENT_EXIT:
        note_end(trace, pid);
        resume(pid, 0);
        return;
    case PTRACE_EVENT_EXEC:
        note_exec(trace, pid);
        resume(pid, 0);
        return;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
        trace->begun++;
        resume(pid, 0);
        return;
    case PTRACE_EVENT_STOP:
        if (signal == SIGTRAP) {
            resume(pid, 0); /* a new child's first stop */
        } else {
            /* Stopped by job control: stays so. */
            ptrace(PTRACE_LISTEN, pid, NULL, NULL);
        }
        return;
    default:
        resume(pid, signal);
    }
}

static void on_end(struct trace *trace, pid_t pid, int status,
                   const struct rusage *usage)
{
    if (pid != trace->root)
        return;
    trace->root_done = true;
    trace->outcome->status = status;
    trace->outcome->wall_ns = now_ns() - trace->started_ns;
    if (!trace->outcome->traced) {
        trace->outcome->root_peak_kib = (uint64_t)usage->ru_maxrss;
        trace->outcome->peak_kib = trace->outcome->root_peak_kib;
    }
}

/* Until the program ended, and a tenth of a second more for its children. */
static void follow(struct trace *trace)
{
    for (unsigned tries = 0; tries < LINGER_TRIES;) {
        int status;
        struct rusage usage;
        int flags = __WALL | (trace->root_done ? WNOHANG : 0);
        pid_t pid = wait4(-1, &status, flags, &usage);
        if (pid < 0 && errno != EINTR)
            return;
        if (pid <= 0) {
            tries++;
            usleep(1000);
        } else if (WIFSTOPPED(status)) {
            on_stop(trace, pid, status);
        } else {
            on_end(trace, pid, status, &usage);
        }
    }
}

static uint64_t micros(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000u + (uint64_t)time.tv_usec;
}

static void note_usage(struct trace *trace)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    struct outcome *outcome = trace->outcome;
    outcome->user_us = micros(usage.ru_utime);
    outcome->sys_us = micros(usage.ru_stime);
    outcome->faults = (uint64_t)usage.ru_minflt;
    outcome->major_faults = (uint64_t)usage.ru_majflt;
    if (outcome->traced && trace->begun > outcome->processes)
        outcome->left = trace->begun - outcome->processes;
}

bool launch(const struct command *command, struct outcome *outcome)
{
    int go[2];
    struct trace trace = {.command = command, .outcome = outcome, .begun = 1};
    /* Orphans come to us: their times count, and they end with us. */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (pipe(go) != 0)
        return false;
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0) {
        close(go[1]);
        child_exec(command, go[0]);
    }
    close(go[0]);
    trace.root = pid;
    outcome->traced =
        ptrace(PTRACE_SEIZE, pid, NULL, (void *)(uintptr_t)TRACE_OPTIONS) == 0;
    trace.started_ns = now_ns();
    outcome->started = !outcome->traced;
    if (write(go[1], "", 1) != 1)
        return false;
    close(go[1]);
    follow(&trace);
    note_usage(&trace);
    return true;
}
