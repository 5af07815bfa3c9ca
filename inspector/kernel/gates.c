/* SPDX-License-Identifier: MIT */
#include "kernel/gates.h"

#include "kernel/smaps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    CAP_PTRACE = 19, /* CAP_SYS_PTRACE */
    TEXT = 8192,
};

struct look {
    pid_t pid;
    struct gate *gates;
    size_t count;
    char status[TEXT]; /* of the process; "" */
    char own[TEXT];    /* /proc/self/status */
    bool can_ptrace;   /* CAP_SYS_PTRACE is ours */
};

static void __attribute__((format(printf, 4, 5)))
add(struct look *look, const char *name, enum gate_state state,
    const char *format, ...)
{
    struct gate *gate = &look->gates[look->count];
    va_list args;

    if (look->count == GATES_MAX)
        return;
    look->count++;
    gate->name = name;
    gate->state = state;
    va_start(args, format);
    (void)vsnprintf(gate->detail, sizeof gate->detail, format, args);
    va_end(args);
}

static bool read_file(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file >= 0 ? read(file, text, size - 1) : -1;

    if (file >= 0)
        (void)close(file);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static bool read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return read_file(path, text, size);
}

static uint64_t hexadecimal(const char *status, const char *key)
{
    const char *line = status_line(status, key);

    return line != NULL ? strtoull(line, NULL, 16) : 0;
}

static void look_at_existence(struct look *look)
{
    bool there = kill(look->pid, 0) == 0 || errno == EPERM;
    const char *state = status_line(look->status, "State");

    if (!there) {
        add(look, "exists", GATE_SHUT, "there is no process %d",
            (int)look->pid);
    } else if (state == NULL) {
        add(look, "hidepid", GATE_SHUT,
            "process %d exists, but /proc hides it (hidepid= of its mount)",
            (int)look->pid);
    } else if (*state == 'Z') {
        add(look, "exists", GATE_SHUT, "it is a zombie: its memory is gone");
    } else if (status_line(look->status, "VmSize") == NULL) {
        add(look, "exists", GATE_SHUT,
            "it is a kernel thread: it has no memory of its own");
    } else {
        add(look, "exists", GATE_OPEN, "it runs, and /proc shows it");
    }
}

/* All of its real, effective and saved ids must be our own. */
static bool same_ids(const char *status, const char *key, unsigned ours)
{
    const char *line = status_line(status, key);
    char *end;

    for (int i = 0; line != NULL && i < 3; i++, line = end) {
        if (strtoul(line, &end, 10) != ours)
            return false;
    }
    return line != NULL;
}

static void look_at_ids(struct look *look)
{
    const char *line = status_line(look->status, "Uid");
    unsigned long uid = line != NULL ? strtoul(line, NULL, 10) : 0;
    bool same = same_ids(look->status, "Uid", geteuid()) &&
                same_ids(look->status, "Gid", getegid());

    if (look->status[0] == '\0') {
        add(look, "uid", GATE_UNKNOWN, "its user cannot be seen");
    } else if (same) {
        add(look, "uid", GATE_OPEN, "it runs as our user %u", geteuid());
    } else {
        add(look, "uid", look->can_ptrace ? GATE_OPEN : GATE_SHUT,
            "it runs as user %lu, we are %u%s", uid, geteuid(),
            look->can_ptrace ? ", but have CAP_SYS_PTRACE"
                             : " without CAP_SYS_PTRACE");
    }
}

/* /proc/PID belongs to root if a process of another user is not dumpable. */
static void look_at_dumpable(struct look *look)
{
    char path[64];
    struct stat stat_of;
    const char *line = status_line(look->status, "Uid");

    (void)snprintf(path, sizeof path, "/proc/%d", (int)look->pid);
    if (line == NULL || stat(path, &stat_of) != 0) {
        add(look, "dumpable", GATE_UNKNOWN, "cannot be seen");
        return;
    }
    char *second; /* real, effective, ... */
    (void)strtoul(line, &second, 10);
    unsigned long euid = strtoul(second, NULL, 10);
    if (euid == 0) {
        add(look, "dumpable", GATE_UNKNOWN,
            "cannot be told of a process of root");
    } else if (stat_of.st_uid == euid) {
        add(look, "dumpable", GATE_OPEN, "its dumpable flag is set");
    } else {
        add(look, "dumpable", look->can_ptrace ? GATE_OPEN : GATE_SHUT,
            "it is not dumpable: setuid, or prctl(PR_SET_DUMPABLE, 0)%s",
            look->can_ptrace ? "; CAP_SYS_PTRACE passes" : "");
    }
}

static void look_at_caps(struct look *look)
{
    uint64_t theirs = hexadecimal(look->status, "CapPrm");
    uint64_t ours = hexadecimal(look->own, "CapEff");
    uint64_t more = theirs & ~ours;

    if (look->status[0] == '\0') {
        add(look, "caps", GATE_UNKNOWN, "its capabilities cannot be seen");
    } else if (look->can_ptrace) {
        add(look, "caps", GATE_OPEN, "we have CAP_SYS_PTRACE");
    } else if (more == 0) {
        add(look, "caps", GATE_OPEN, "it has no capability that we lack");
    } else {
        add(look, "caps", GATE_SHUT,
            "it has capabilities that we lack: number %d%s",
            __builtin_ctzll(more), (more & (more - 1)) != 0 ? ", others" : "");
    }
}

/* CAP_SYS_PTRACE counts in the user namespace of the process. */
static void look_at_userns(struct look *look)
{
    char path[64];
    char theirs[64] = "";
    char ours[64] = "";
    const char *inner = status_line(look->status, "NSpid");
    const char *more = inner != NULL ? strpbrk(inner, "\t\n") : NULL;
    bool nested = more != NULL && *more == '\t';

    (void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)look->pid);
    bool known = readlink(path, theirs, sizeof theirs - 1) > 0 &&
                 readlink("/proc/self/ns/user", ours, sizeof ours - 1) > 0;
    const char *place =
        nested ? "; it lives in another PID namespace (a container)" : "";
    if (!known) {
        add(look, "userns", GATE_UNKNOWN,
            "its user namespace may not be looked at%s", place);
    } else if (strcmp(theirs, ours) == 0) {
        add(look, "userns", GATE_OPEN, "it is in our user namespace%s", place);
    } else {
        add(look, "userns", GATE_OPEN,
            "it is in another user namespace: our capabilities count there if "
            "it is a child of ours%s",
            place);
    }
}

static void look_at_yama(struct look *look)
{
    char text[16];

    if (!read_file("/proc/sys/kernel/yama/ptrace_scope", text, sizeof text)) {
        add(look, "ptrace_scope", GATE_OPEN, "this kernel has no Yama");
        return;
    }
    int scope = (int)strtol(text, NULL, 10);
    if (scope == 0) {
        add(look, "ptrace_scope", GATE_OPEN, "0: no restriction");
    } else if (scope == 3) {
        add(look, "ptrace_scope", GATE_SHUT,
            "3: nobody may, until the machine starts again");
    } else {
        add(look, "ptrace_scope", look->can_ptrace ? GATE_OPEN : GATE_SHUT,
            "%d: %s; sysctl kernel.yama.ptrace_scope=0 opens it", scope,
            scope == 1 ? "only its ancestors, or CAP_SYS_PTRACE"
                       : "CAP_SYS_PTRACE alone");
    }
}

/* Containers refuse the system call itself: tried on ourselves. */
static void look_at_seccomp(struct look *look)
{
    char byte = 1;
    char copy = 0;
    struct iovec local = {&copy, 1};
    struct iovec remote = {&byte, 1};
    bool works = process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
    const char *mode = status_line(look->own, "Seccomp");

    if (works) {
        add(look, "seccomp", GATE_OPEN, "process_vm_readv() works%s",
            mode != NULL && *mode == '2' ? ", a filter is on us" : "");
    } else {
        add(look, "seccomp", GATE_SHUT,
            "process_vm_readv() is refused to us: a seccomp filter (a "
            "container runtime's); /proc/PID/mem is tried instead");
    }
}

static void look_at_lsm(struct look *look)
{
    char label[128];

    if (!read_proc(look->pid, "attr/current", label, sizeof label)) {
        add(look, "lsm", GATE_UNKNOWN, "no label of a security module");
        return;
    }
    label[strcspn(label, "\n")] = '\0';
    bool confined = strcmp(label, "unconfined") != 0 && label[0] != '\0';
    add(look, "lsm", confined ? GATE_UNKNOWN : GATE_OPEN, "%s%.100s",
        confined ? "confined: its profile decides: " : "", label);
}

static void look_at_tracer(struct look *look)
{
    const char *line = status_line(look->status, "TracerPid");
    long tracer = line != NULL ? strtol(line, NULL, 10) : 0;

    if (tracer == 0) {
        add(look, "tracer", GATE_OPEN, "nobody traces it: --stop may");
    } else {
        add(look, "tracer", GATE_SHUT,
            "process %ld traces it: --stop cannot, --mode=peek can", tracer);
    }
}

/* And what the kernel says when asked. */
static void look_at_memory(struct look *look)
{
    char start[2];
    bool shut = false;

    for (size_t i = 0; i < look->count; i++) {
        shut = shut || (look->gates[i].state == GATE_SHUT &&
                        strcmp(look->gates[i].name, "tracer") != 0);
    }
    if (read_proc(look->pid, "maps", start, sizeof start)) {
        add(look, "read", GATE_OPEN, "its mappings are readable");
    } else {
        add(look, "read", GATE_SHUT, "/proc/%d/maps: %s%s", (int)look->pid,
            strerror(errno), /* NOLINT(concurrency-mt-unsafe) */
            shut ? ""
                 : "; what remains is a security module (Landlock, SELinux, "
                   "AppArmor) or another user namespace");
    }
}

size_t gates_look(pid_t pid, struct gate *gates)
{
    static struct look look;

    look = (struct look){.pid = pid, .gates = gates};
    (void)read_proc(pid, "status", look.status, sizeof look.status);
    (void)read_file("/proc/self/status", look.own, sizeof look.own);
    look.can_ptrace = (hexadecimal(look.own, "CapEff") >> CAP_PTRACE & 1) != 0;
    look_at_existence(&look);
    look_at_ids(&look);
    look_at_dumpable(&look);
    look_at_caps(&look);
    look_at_userns(&look);
    look_at_yama(&look);
    look_at_seccomp(&look);
    look_at_lsm(&look);
    look_at_tracer(&look);
    look_at_memory(&look);
    return look.count;
}
