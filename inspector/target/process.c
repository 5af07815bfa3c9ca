/* SPDX-License-Identifier: MIT */
/*
 * A live process: process_vm_readv(2), /proc/PID/mem where that is refused,
 * and /proc.  All paths count from /proc/PID, so that a process in another
 * PID or mount namespace is read as any other.  Nothing runs in it.
 */
#include "target/backend.h"

#include "kernel/pagemap.h"
#include "kernel/smaps.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    TEXT_MAX = 1 << 28, /* of a file of /proc */
};

struct process {
    pid_t pid;
    int mem;                       /* /proc/PID/mem; -1: not open */
    int pagemap;                   /* -1: not open */
    bool by_mem;                   /* process_vm_readv() is refused */
    unsigned long long start_time; /* of the process, in ticks: a PID's second
                                      life has another */
    struct hold *hold;
};

static int open_proc(pid_t pid, const char *file)
{
    char path[128];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static char *read_text(int file)
{
    char *text = NULL;
    size_t used = 0;
    size_t room = 0;

    for (;;) {
        if (room - used < 4096) {
            room = room != 0 ? room * 2 : 16384;
            text = xrealloc(text, room, 1);
        }
        ssize_t got = read(file, text + used, room - used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(text);
            return NULL;
        }
        used += (size_t)got;
        if (got == 0 || used > TEXT_MAX)
            break;
    }
    text[used] = '\0';
    return text;
}

static char *process_proc(struct target *target, const char *file)
{
    const struct process *process = target->state;
    char path[64];

    /* Threads are named as they know themselves: the heap has these ids. */
    if (strncmp(file, "task/", 5) == 0) {
        char *rest;
        pid_t inner = (pid_t)strtol(file + 5, &rest, 10);
        (void)snprintf(path, sizeof path, "task/%d%s",
                       (int)process_thread(process->pid, inner), rest);
        file = path;
    }
    int fd = open_proc(process->pid, file);
    if (fd < 0)
        return NULL;
    char *text = read_text(fd);
    (void)close(fd);
    return text;
}

static size_t read_by_mem(struct process *process, uintptr_t address, void *out,
                          size_t size)
{
    size_t done = 0;

    if (process->mem < 0)
        process->mem = open_proc(process->pid, "mem");
    while (process->mem >= 0 && done < size) {
        ssize_t got = pread(process->mem, (char *)out + done, size - done,
                            (off_t)(address + done));
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done;
}

static size_t process_read(struct target *target, uintptr_t address, void *out,
                           size_t size)
{
    struct process *process = target->state;
    struct iovec local = {out, size};
    struct iovec remote = {(void *)address, size};

    if (!process->by_mem) {
        ssize_t got = process_vm_readv(process->pid, &local, 1, &remote, 1, 0);
        if (got >= 0)
            return (size_t)got;
        if (errno != EPERM && errno != ENOSYS)
            return 0;
        process->by_mem = true;
    }
    return read_by_mem(process, address, out, size);
}

static const void *process_view(struct target *target, uintptr_t address,
                                size_t size)
{
    (void)target;
    (void)address;
    (void)size;
    return NULL;
}

static bool process_load_vmas(struct target *target, bool use)
{
    char *text = NULL;

    if (use)
        text = process_proc(target, "smaps");
    if (text == NULL)
        text = process_proc(target, "maps");
    if (text == NULL)
        return false;
    target->vma_names = text;
    smaps_parse(text, &target->vmas, &target->nvmas);
    return target->nvmas > 0;
}

static bool process_residency(struct target *target, uintptr_t address,
                              size_t count, uint8_t *out)
{
    struct process *process = target->state;

    if (process->pagemap < 0)
        process->pagemap = open_proc(process->pid, "pagemap");
    return process->pagemap >= 0 &&
           pagemap_residency(process->pagemap, target->page_size, address,
                             count, out);
}

static bool process_hold(struct target *target, struct failure *failure)
{
    struct process *process = target->state;

    if (process->pid == getpid()) {
        (void)fail(failure, STATUS_USAGE,
                   "a process cannot stop itself; use --mode=peek");
        return false;
    }
    process->hold = hold_take(process->pid, failure);
    if (process->hold != NULL && hold_loose(process->hold) > 0) {
        target_warn(target, "%zu threads sleep in the kernel and did not stop",
                    hold_loose(process->hold));
    }
    return process->hold != NULL;
}

static double process_release(struct target *target)
{
    struct process *process = target->state;
    double until = hold_drop(process->hold);

    process->hold = NULL;
    return until;
}

/* Field 22 of stat; the program's name before it may hold anything. */
static unsigned long long start_time(const char *stat)
{
    const char *at = stat != NULL ? strrchr(stat, ')') : NULL;

    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at != NULL ? strtoull(at, NULL, 10) : 0;
}

static char state_letter(const char *stat)
{
    const char *at = stat != NULL ? strrchr(stat, ')') : NULL;

    if (at == NULL || at[1] != ' ')
        return '?';
    return at[2];
}

/* A process that is about to end has lost its memory before it is a zombie. */
static bool has_memory(const struct process *process)
{
    int maps = open_proc(process->pid, "maps");
    char byte;
    bool none = maps >= 0 && read(maps, &byte, 1) == 0;

    if (maps >= 0)
        (void)close(maps);
    return !none;
}

static bool process_refresh(struct target *target, struct failure *failure)
{
    const struct process *process = target->state;
    char *stat = process_proc(target, "stat");
    bool same = stat != NULL && start_time(stat) == process->start_time &&
                state_letter(stat) != 'Z' && has_memory(process);

    free(stat);
    if (!same) {
        (void)fail(failure, STATUS_GONE, "process %d has ended",
                   (int)process->pid);
    }
    return same;
}

static void process_close(struct target *target)
{
    struct process *process = target->state;

    if (process->mem >= 0)
        (void)close(process->mem);
    if (process->pagemap >= 0)
        (void)close(process->pagemap);
    free(process);
}

static const struct backend process_backend = {
    .read = process_read,
    .view = process_view,
    .load_vmas = process_load_vmas,
    .residency = process_residency,
    .proc = process_proc,
    .hold = process_hold,
    .release = process_release,
    .refresh = process_refresh,
    .close = process_close,
};

/* The mappings are readable exactly where memory is (PTRACE_MODE_READ). */
static bool is_readable(struct target *target, struct failure *failure)
{
    const struct process *process = target->state;
    int maps = open_proc(process->pid, "maps");
    char byte;
    ssize_t got = maps >= 0 ? read(maps, &byte, 1) : -1;
    int error = errno;

    if (maps >= 0)
        (void)close(maps);
    if (got > 0)
        return true;
    if (got < 0 && (error == EACCES || error == EPERM)) {
        (void)fail(failure, STATUS_PERMISSION,
                   "process %d: permission denied; `heapinspect doctor %d` "
                   "tells why",
                   (int)process->pid, (int)process->pid);
    } else if (got == 0) {
        (void)fail(failure, STATUS_GONE,
                   "process %d has no memory: a zombie or a kernel thread",
                   (int)process->pid);
    } else {
        (void)fail(failure, STATUS_GONE, "no process %d (or /proc hides it)",
                   (int)process->pid);
    }
    return false;
}

bool process_open(struct target *target, pid_t pid, struct failure *failure)
{
    struct process *process = xcalloc(1, sizeof *process);

    *process = (struct process){.pid = pid, .mem = -1, .pagemap = -1};
    target->state = process;
    target->backend = &process_backend;
    target->kind = TARGET_PROCESS;
    target->pid = pid;
    const char *stat = target_proc(target, "stat");
    const char *comm = target_proc(target, "comm");
    if (stat == NULL && kill(pid, 0) != 0 && errno == ESRCH) {
        (void)fail(failure, STATUS_GONE, "no process %d", (int)pid);
        return false;
    }
    process->start_time = start_time(stat);
    if (comm != NULL) {
        (void)snprintf(target->program, sizeof target->program, "%.*s",
                       (int)strcspn(comm, "\n"), comm);
    }
    return is_readable(target, failure);
}
