/* SPDX-License-Identifier: MIT */
/*
 * LIBALLOC_CONF=leak_check:1: at exit, `heapinspect leaks` on this process.
 *
 *   exit()  the program's handlers, all destructors, then this one
 *             clone(VM | VFORK) ---> execve heapinspect leaks PID
 *             waits                  stops all threads, reads, reports
 *           exit(leak_exitcode) if it found some
 *
 * The report goes to a copy of the first stderr: many programs close theirs.
 * Environment, read at start:
 *   LIBALLOC_HEAPINSPECT   the inspector; else ../bin beside the library, else
 *                          along PATH
 *   LIBALLOC_LEAK_OPTIONS  more options for `heapinspect leaks`
 */
#include "api/init.h"
#include "api/watch.h"
#include "base/bits.h"
#include "base/print.h"
#include "base/syscall.h"
#include "base/tunables.h"
#include "os/os_env.h"
#include "os/os_mem.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_PTRACER
#    define PR_SET_PTRACER     0x59616d61
#    define PR_SET_PTRACER_ANY ((unsigned long)-1)
#endif

enum {
    STDERR_MIN = 100, /* out of the way of programs that count on 3, 4, ... */
    OPTIONS_MAX = 16,
    TEXT_MAX = 1024,
    FOUND_LEAKS = 1, /* heapinspect's exit status */
    NOT_FOUND = 127,
};

static struct {
    int stderr_fd;
    dev_t stderr_dev; /* what it is: programs close what they do not know */
    ino_t stderr_ino;
    char program[TEXT_MAX]; /* "": look along PATH */
    char options[TEXT_MAX];
    char pid[16];
    char *argv[OPTIONS_MAX + 8];
    char **environment; /* without what would load us again */
    size_t environment_size;
} check = {.stderr_fd = -1};

static const char *variable(const char *name)
{
    size_t length = strlen(name);

    for (char **env = os_environment(); env != NULL && *env != NULL; env++) {
        if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
            return *env + length + 1;
    }
    return NULL;
}

static bool is_program(const char *path)
{
    return syscall6(SYS_faccessat, AT_FDCWD, (long)path, X_OK, 0, 0, 0) == 0;
}

/* ../bin/heapinspect, seen from the library's directory; absolute, for the
   program may change its own. */
static bool find_beside(char *path)
{
    static const char *const places[] = {"/..", "/../.."}; /* lib/TRIPLET */
    char file[PATH_MAX];
    Dl_info info;

    if (dladdr(&init_state, &info) == 0 || info.dli_fname == NULL ||
        realpath(info.dli_fname, file) == NULL)
        return false;
    char *slash = strrchr(file, '/');
    if (slash == NULL)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t length =
            print_buf(path, TEXT_MAX, "%s%s/bin/heapinspect", file, places[i]);
        if (length < TEXT_MAX && is_program(path))
            return true;
    }
    return false;
}

static void find_program(void)
{
    const char *named = variable("LIBALLOC_HEAPINSPECT");

    if (named != NULL && strlen(named) < sizeof check.program) {
        memcpy(check.program, named, strlen(named) + 1);
    } else if (!find_beside(check.program)) {
        check.program[0] = '\0';
    }
}

/* heapinspect leaks PID OPTIONS...; options are words apart. */
static void make_arguments(void)
{
    static char name[] = "heapinspect";
    static char verb[] = "leaks";
    static char pager[] = "--no-pager";
    static char quiet[] = "--quiet";
    size_t n = 0;

    print_buf(check.pid, sizeof check.pid, "%d", (int)getpid());
    check.argv[n++] = name;
    check.argv[n++] = verb;
    check.argv[n++] = check.pid;
    check.argv[n++] = pager;
    check.argv[n++] = quiet;
    for (char *at = check.options; n < OPTIONS_MAX + 5;) {
        at += strspn(at, " ");
        if (*at == '\0')
            break;
        check.argv[n++] = at;
        at += strcspn(at, " ");
        if (*at != '\0')
            *at++ = '\0';
    }
    check.argv[n] = NULL;
}

static bool loads_us(const char *entry)
{
    return strncmp(entry, "LD_", 3) == 0 ||
           strncmp(entry, "LIBALLOC_", 9) == 0 ||
           strncmp(entry, "MALLOC_", 7) == 0;
}

static bool make_environment(void)
{
    char **env = os_environment();
    size_t count = 0;
    size_t n = 0;

    while (env != NULL && env[count] != NULL)
        count++;
    check.environment_size =
        round_up((count + 1) * sizeof *env, os_page_size());
    check.environment = os_map(check.environment_size);
    if (check.environment == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!loads_us(env[i]))
            check.environment[n++] = env[i];
    }
    check.environment[n] = NULL;
    return true;
}

static void execute(const char *path)
{
    syscall3(SYS_execve, (long)path, (long)check.argv, (long)check.environment);
}

/* Each directory of PATH in turn; returns if it is in none. */
static void execute_along(const char *directories)
{
    static char path[TEXT_MAX];

    while (directories != NULL && *directories != '\0') {
        size_t length = strcspn(directories, ":");
        if (length > 0 && length + sizeof "/heapinspect" < sizeof path) {
            memcpy(path, directories, length);
            memcpy(path + length, "/heapinspect", sizeof "/heapinspect");
            execute(path);
        }
        directories += length;
        directories += *directories == ':';
    }
}

/*
 * In the child, which has our memory and stack until it executes; signals
 * stay blocked, so that no handler runs here.
 */
static _Noreturn void child_run(void)
{
    if (check.stderr_fd != 2)
        syscall3(SYS_dup3, check.stderr_fd, 2, 0);
    syscall3(SYS_dup3, 2, 1, 0);
    if (check.program[0] != '\0') {
        execute(check.program);
    } else {
        execute_along(variable("PATH"));
    }
    for (;;)
        syscall3(SYS_exit_group, NOT_FOUND, 0, 0);
}

/*
 * Not inlined: the child runs on the stack below this frame while we stand.
 * It sends no signal at its end, and no wait() of the program sees it.
 */
static __attribute__((noinline)) long child_start(void)
{
    long child = syscall6(SYS_clone, CLONE_VM | CLONE_VFORK, 0, 0, 0, 0, 0);

    if (child == 0)
        child_run();
    return child;
}

/* As libc's, for rt_sigaction(2). */
struct kernel_action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    uint64_t mask;
};

/* Its exit status; -1: there was none. */
static int inspect(void)
{
    const struct kernel_action plain = {.handler = SIG_DFL};
    struct kernel_action action;
    uint64_t all = UINT64_MAX;
    uint64_t before;
    int status = 0;
    long waited;

    /* execve() makes it a child as any other: no handler may wait for it. */
    syscall6(SYS_rt_sigaction, SIGCHLD, (long)&plain, (long)&action,
             sizeof action.mask, 0, 0);
    /* Whoever we start may trace us; who that is, is known only afterwards. */
    syscall3(SYS_prctl, PR_SET_PTRACER, (long)PR_SET_PTRACER_ANY, 0);
    syscall6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before,
             sizeof all, 0, 0);
    long child = child_start();
    syscall3(SYS_prctl, PR_SET_PTRACER, child > 0 ? child : 0, 0);
    syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof all, 0,
             0);
    do {
        waited = child < 0 ? child
                           : syscall6(SYS_wait4, child, (long)&status, __WALL,
                                      0, 0, 0);
    } while (waited == -EINTR);
    syscall3(SYS_prctl, PR_SET_PTRACER, 0, 0);
    syscall6(SYS_rt_sigaction, SIGCHLD, (long)&action, 0, sizeof action.mask, 0,
             0);
    return child > 0 && waited == child && WIFEXITED(status)
               ? WEXITSTATUS(status)
               : -1;
}

/* The copy may be closed by now, or its number another file's. */
static void check_stderr(void)
{
    struct stat file;

    if (fstat(check.stderr_fd, &file) != 0 || file.st_dev != check.stderr_dev ||
        file.st_ino != check.stderr_ino)
        check.stderr_fd = 2;
}

static void at_exit(int status, void *data)
{
    (void)data;
    check_stderr();
    print_redirect(check.stderr_fd);
    make_arguments();
    int found = make_environment() ? inspect() : -1;
    if (found == NOT_FOUND) {
        print_stderr("liballoc: leak_check: no heapinspect: not in %s, set "
                     "LIBALLOC_HEAPINSPECT\n",
                     check.program[0] != '\0' ? check.program
                                              : "../bin, not in PATH");
    } else if (found < 0) {
        print_stderr("liballoc: leak_check: heapinspect could not be run\n");
    }
    os_unmap(check.environment, check.environment_size);
    if (found != FOUND_LEAKS || tunables.leak_exitcode == 0)
        return;
    /* From here exit() goes on with what is left to do, and that status. */
    (void)status;
    exit((int)tunables.leak_exitcode); /* NOLINT(concurrency-mt-unsafe) */
}

/*
 * Registered before main() and before libc registers the destructors of
 * libraries, so it runs after all of them.
 */
void leak_check_init(void)
{
    const char *options = variable("LIBALLOC_LEAK_OPTIONS");

    if (tunables.leak_check == 0)
        return;
    if (watcher != NULL) {
        print_stderr("liballoc: leak_check: Valgrind's own is what counts "
                     "here\n");
        return;
    }
    if (options != NULL && strlen(options) < sizeof check.options)
        memcpy(check.options, options, strlen(options) + 1);
    find_program();
    check.stderr_fd = (int)syscall3(SYS_fcntl, 2, F_DUPFD_CLOEXEC, STDERR_MIN);
    struct stat file = {0};
    if (check.stderr_fd < 0 || fstat(check.stderr_fd, &file) != 0)
        check.stderr_fd = 2;
    check.stderr_dev = file.st_dev;
    check.stderr_ino = file.st_ino;
    if (on_exit(at_exit, NULL) != 0)
        print_stderr("liballoc: leak_check: not possible here\n");
}
