/* SPDX-License-Identifier: MIT */
/*
 * Stops every thread of a process: PTRACE_SEIZE, PTRACE_INTERRUPT, until a
 * pass over /proc/PID/task finds no new one.  If we die the kernel detaches
 * for us and they go on.
 */
#include "target/backend.h"

#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

enum {
    PASSES_MAX = 100,
    WAIT_MS = 2000, /* for one thread: in the kernel it may sleep for long */
};

struct thread {
    pid_t tid;
    bool ended;
    int signal; /* it was about to take: goes along with the detach */
    bool stopped;
};

struct hold {
    pid_t pid;
    struct thread *threads;
    size_t count;
};

static bool is_held(const struct hold *hold, pid_t tid)
{
    for (size_t i = 0; i < hold->count; i++) {
        if (hold->threads[i].tid == tid)
            return true;
    }
    return false;
}

/* A thread that has ended stays listed until the whole process has. */
static bool is_dead(pid_t pid, pid_t tid)
{
    char path[64];
    char text[512];

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid,
                   (int)tid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return true;
    size_t got = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[got] = '\0';
    const char *state = strrchr(text, ')');
    return state == NULL || state[1] == '\0' || state[2] == 'Z' ||
           state[2] == 'X';
}

/* False: the kernel refuses; threads that end meanwhile are no failure. */
static bool seize(struct hold *hold, pid_t tid)
{
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0)
        return errno == ESRCH || is_dead(hold->pid, tid);
    (void)ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
    hold->threads = xgrow(hold->threads, hold->count, sizeof *hold->threads);
    hold->threads[hold->count++] = (struct thread){.tid = tid};
    return true;
}

/* True: found threads that were not held yet; *refused: the kernel's no. */
static bool seize_new(struct hold *hold, bool *refused)
{
    char path[64];
    bool found = false;

    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)hold->pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return false;
    /* Only we use this stream: readdir() is safe. */
    for (const struct dirent *entry;;) {
        entry = readdir(tasks); /* NOLINT(concurrency-mt-unsafe) */
        if (entry == NULL)
            break;
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid <= 0 || is_held(hold, tid) || is_dead(hold->pid, tid))
            continue;
        found = true;
        if (!seize(hold, tid)) {
            *refused = true;
            break;
        }
    }
    (void)closedir(tasks);
    return found;
}

/* Waits until the thread stands, or has ended. */
static void await(struct thread *thread)
{
    double until = now_ms() + WAIT_MS;
    const struct timespec pause = {.tv_nsec = 20000};

    while (!thread->stopped && now_ms() < until) {
        int status;
        pid_t got = waitpid(thread->tid, &status, __WALL | WNOHANG);
        if (got == 0) {
            (void)nanosleep(&pause, NULL);
            continue;
        }
        if (got < 0 || !WIFSTOPPED(status)) {
            thread->ended = true;
            return;
        }
        thread->stopped = true;
        /* No PTRACE_EVENT_STOP but a signal on its way in: not to be lost. */
        if (status >> 16 == 0)
            thread->signal = WSTOPSIG(status);
    }
}

static void say_why(pid_t pid, struct failure *failure)
{
    if (errno == EPERM || errno == EACCES) {
        (void)fail(failure, STATUS_PERMISSION,
                   "process %d may not be stopped (traced already?); "
                   "`heapinspect doctor %d` tells why",
                   (int)pid, (int)pid);
    } else {
        (void)fail(failure, STATUS_GONE, "process %d cannot be stopped: %s",
                   (int)pid, strerror(errno)); /* NOLINT: one thread */
    }
}

/*
 * Before all others, where we may: a thread that is let go must not take the
 * processor from us while the next one still stands.  Never for long.
 */
static void hurry(bool on)
{
    static int policy = -1; /* to go back to */
    static struct sched_param before;
    const struct sched_param first = {.sched_priority = 1};

    if (on && policy < 0) {
        policy = sched_getscheduler(0);
        (void)sched_getparam(0, &before);
    }
    if (policy >= 0 && policy != SCHED_FIFO) {
        (void)sched_setscheduler(0, on ? SCHED_FIFO : policy,
                                 on ? &first : &before);
    }
}

struct hold *hold_take(pid_t pid, struct failure *failure)
{
    struct hold *hold = xcalloc(1, sizeof *hold);
    bool refused = false;
    size_t awaited = 0;

    hold->pid = pid;
    hurry(true);
    for (int pass = 0; pass < PASSES_MAX && seize_new(hold, &refused); pass++) {
        if (refused)
            break;
        for (; awaited < hold->count; awaited++)
            await(&hold->threads[awaited]);
    }
    hurry(false);
    if (refused || hold->count == 0) {
        if (!refused)
            errno = ESRCH;
        say_why(pid, failure);
        (void)hold_drop(hold);
        return NULL;
    }
    return hold;
}

size_t hold_loose(const struct hold *hold)
{
    size_t loose = 0;

    for (size_t i = 0; i < hold->count; i++)
        loose += !hold->threads[i].stopped && !hold->threads[i].ended;
    return loose;
}

double hold_drop(struct hold *hold)
{
    if (hold == NULL)
        return now_ms();
    hurry(true);
    for (size_t i = 0; i < hold->count; i++) {
        const struct thread *thread = &hold->threads[i];
        /* The kernel takes the signal's number in the place of a pointer. */
        (void)ptrace(PTRACE_DETACH, thread->tid, NULL,
                     (void *)(intptr_t)thread->signal);
    }
    double until = now_ms();
    hurry(false);
    free(hold->threads);
    free(hold);
    return until;
}
