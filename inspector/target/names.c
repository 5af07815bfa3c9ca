/* SPDX-License-Identifier: MIT */
/* Processes by the name of their program, threads by the ids they know. */
#include "target/backend.h"

#include "kernel/smaps.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    COMM_MAX = 15, /* longer names are cut by the kernel */
};

static bool is_exe(pid_t pid, const char *name)
{
    char path[64];
    char exe[4096];

    (void)snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t length = readlink(path, exe, sizeof exe - 1);
    if (length <= 0)
        return false;
    exe[length] = '\0';
    const char *base = strrchr(exe, '/');
    return strcmp(base != NULL ? base + 1 : exe, name) == 0;
}

static bool is_called(pid_t pid, const char *name)
{
    char path[64];
    char comm[64] = "";

    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fgets(comm, sizeof comm, file) == NULL)
        comm[0] = '\0';
    (void)fclose(file);
    comm[strcspn(comm, "\n")] = '\0';
    if (strlen(name) <= COMM_MAX)
        return strcmp(comm, name) == 0 || is_exe(pid, name);
    return strncmp(comm, name, COMM_MAX) == 0 && is_exe(pid, name);
}

struct matches {
    unsigned count;
    pid_t first;
    char list[128]; /* " 12 34", as many as fit */
    size_t used;
};

static void add_match(struct matches *matches, pid_t pid)
{
    if (matches->count++ == 0)
        matches->first = pid;
    if (matches->used + 12 < sizeof matches->list) {
        matches->used += (size_t)snprintf(matches->list + matches->used,
                                          sizeof matches->list - matches->used,
                                          " %d", (int)pid);
    }
}

static void find_matches(const char *name, struct matches *matches)
{
    DIR *proc = opendir("/proc");

    while (proc != NULL) {
        const struct dirent *entry =
            readdir(proc); /* NOLINT(concurrency-mt-unsafe) */
        if (entry == NULL)
            break;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && pid != getpid() && is_called(pid, name))
            add_match(matches, pid);
    }
    if (proc != NULL)
        (void)closedir(proc);
}

pid_t process_by_name(const char *name, struct failure *failure)
{
    struct matches matches = {0};

    if (*name == '\0') {
        (void)fail(failure, STATUS_USAGE, "no process has an empty name");
        return 0;
    }
    find_matches(name, &matches);
    if (matches.count == 0) {
        (void)fail(failure, STATUS_GONE,
                   "no file and no process has the name \"%.64s\"", name);
        return 0;
    }
    if (matches.count > 1) {
        (void)fail(failure, STATUS_USAGE,
                   "%u processes have the name \"%.64s\", say which:%s",
                   matches.count, name, matches.list);
        return 0;
    }
    return matches.first;
}

/* The innermost of "NSpid:  4711  12  3"; 0: there is no such line. */
static pid_t innermost(const char *status)
{
    const char *line = status_line(status, "NSpid");
    pid_t last = 0;

    while (line != NULL && *line >= '0' && *line <= '9') {
        char *end;
        last = (pid_t)strtol(line, &end, 10);
        line = end + strspn(end, "\t ");
    }
    return last;
}

static bool has_inner_id(pid_t pid, pid_t tid, pid_t inner)
{
    char path[64];
    char status[4096];

    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)pid,
                   (int)tid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t got = fread(status, 1, sizeof status - 1, file);
    (void)fclose(file);
    status[got] = '\0';
    return innermost(status) == inner;
}

pid_t process_thread(pid_t pid, pid_t inner)
{
    char path[64];
    pid_t found = 0;

    /* The same id in both namespaces is the rule: one look. */
    if (has_inner_id(pid, inner, inner))
        return inner;
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    while (tasks != NULL && found == 0) {
        const struct dirent *entry =
            readdir(tasks); /* NOLINT(concurrency-mt-unsafe) */
        if (entry == NULL)
            break;
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0 && has_inner_id(pid, tid, inner))
            found = tid;
    }
    if (tasks != NULL)
        (void)closedir(tasks);
    return found;
}
