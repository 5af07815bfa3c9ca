/* SPDX-License-Identifier: MIT */
#include "record/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

bool start_memory(struct started *started, struct failure *failure)
{
    void *mem = MAP_FAILED;

    started->fd = memfd_create("liballoc_record", MFD_CLOEXEC);
    if (started->fd >= 0 && ftruncate(started->fd, RECORD_MEMORY_BYTES) == 0) {
        mem = mmap(NULL, RECORD_MEMORY_BYTES, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_NORESERVE, started->fd, 0);
    }
    if (mem == MAP_FAILED) {
        (void)fail(failure, STATUS_INCOMPLETE, "no memory to share: %s",
                   strerror(errno));
        return false;
    }
    started->header = mem;
    start_header(started);
    return true;
}

void start_header(struct started *started)
{
    started->header->magic = RECORD_MAGIC;
    started->header->nodes = 1;
}

/* A library beside this program, as installed or built; false: none. */
static bool find_library(const char *name, char path[PATH_MAX])
{
    char own[PATH_MAX / 2];
    char beside[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);

    if (length <= 0)
        return false;
    own[length] = '\0';
    char *slash = strrchr(own, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    (void)snprintf(beside, sizeof beside, "%s/../lib/%s", own, name);
    if (realpath(beside, path) != NULL)
        return true;
    (void)snprintf(beside, sizeof beside, "%s/%s/%s", own,
                   LIBALLOC_LIBDIR_FROM_BINDIR, name);
    return realpath(beside, path) != NULL;
}

/* LD_PRELOAD of the program; false: there is no recorder. */
static bool set_preload(bool no_liballoc, struct failure *failure)
{
    char recorder[PATH_MAX];
    char liballoc[PATH_MAX] = "";
    char *value = NULL;
    const char *before = getenv("LD_PRELOAD");

    if (!find_library("liballoc_record.so", recorder)) {
        (void)fail(failure, STATUS_USAGE,
                   "liballoc_record.so is not beside heapinspect (../lib)");
        return false;
    }
    bool both = !no_liballoc && find_library("liballoc.so", liballoc);
    if (asprintf(&value, "%s%s%s%s%s", recorder, both ? ":" : "",
                 both ? liballoc : "", before != NULL ? ":" : "",
                 before != NULL ? before : "") < 0)
        return false;
    (void)setenv("LD_PRELOAD", value, 1);
    free(value);
    return true;
}

static _Noreturn void become(const struct started *started,
                             const struct receive_options *options, int say)
{
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGQUIT, SIG_DFL);
    started->header->pid = (uint32_t)getpid();
    (void)execvp(options->argv[0], options->argv);
    int why = errno;
    (void)!write(say, &why, sizeof why);
    _exit(127);
}

bool start_program(struct started *started,
                   const struct receive_options *options,
                   struct failure *failure)
{
    char where[64];
    int pipes[2];
    int why = 0;

    (void)snprintf(where, sizeof where, "%d:%d", (int)getpid(), started->fd);
    if (!set_preload(options->no_liballoc, failure))
        return false;
    (void)setenv(RECORD_VARIABLE, where, 1);
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        (void)fail(failure, STATUS_INCOMPLETE, "pipe: %s", strerror(errno));
        return false;
    }
    (void)fflush(NULL);
    started->pid = fork();
    if (started->pid == 0)
        become(started, options, pipes[1]);
    (void)unsetenv("LD_PRELOAD");
    (void)close(pipes[1]);
    /* The keyboard's signals are the program's: we end when it has. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
    if (started->pid < 0) {
        why = errno;
    } else if (read(pipes[0], &why, sizeof why) != (ssize_t)sizeof why) {
        why = 0;
    } else {
        (void)waitpid(started->pid, NULL, 0);
    }
    (void)close(pipes[0]);
    if (why != 0) {
        (void)fail(failure, STATUS_USAGE, "%.200s: %s", options->argv[0],
                   strerror(why));
        return false;
    }
    started->pidfd = (int)syscall(SYS_pidfd_open, started->pid, 0);
    return true;
}
