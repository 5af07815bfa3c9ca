/* SPDX-License-Identifier: MIT */
/*
 * liballoc_snapshot(), and the signal that calls it.
 *
 *   the process                          a child by clone(2)
 *   header and notes: /proc is its own
 *   clone ----------------------------->  all memory stands still here
 *   waits                                 memory, residency, ELF header, exit
 *   gives the file its name
 *
 * The child runs no handler, no lock and no libc: only system calls.
 */
#include "api/dump.h"
#include "api/init.h"
#include "base/bits.h"
#include "base/print.h"
#include "base/syscall.h"
#include "base/tunables.h"
#include "liballoc.h"
#include "os/os_env.h"
#include "os/os_mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum {
    RANGES_SPARE = 256, /* mappings that may appear meanwhile */
    NUMBER_MAX = 10000, /* snapshots of one process by signal */
};

/* From Linux 3.15; older headers lack it. */
#ifndef RENAME_NOREPLACE
#    define RENAME_NOREPLACE 1
#endif

static size_t count_lines(const struct dump_buffer *buffer)
{
    size_t lines = 0;

    for (size_t i = 0; i < buffer->size; i++)
        lines += buffer->bytes[i] == '\n';
    return lines;
}

/* What the child does, or who could not have one. */
static void write_memory(struct dump *dump)
{
    if (!dump_read_file(&dump->maps, "/proc/self/maps")) {
        dump_fail(dump, EIO);
        return;
    }
    dump_parse_maps(dump);
    dump_mark_ours(dump);
    dump_place(dump);
    dump_memory(dump);
    dump_residency(dump);
    dump_headers(dump);
}

static _Noreturn void child_run(struct dump *dump)
{
    write_memory(dump);
    for (;;)
        syscall3(SYS_exit_group, dump->error, 0, 0);
}

static uint64_t now_us(void)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/*
 * A child without a signal at its end, which no wait() of the program sees.
 * False: there can be none, and nothing is written.
 */
static bool write_in_child(struct dump *dump)
{
    uint64_t all = UINT64_MAX;
    uint64_t before;
    int status = 0;
    long waited;

    /* No handler of the program may run in the child. */
    syscall6(SYS_rt_sigprocmask, SIG_BLOCK, (long)&all, (long)&before,
             sizeof all, 0, 0);
    uint64_t start = now_us();
    long child = syscall6(SYS_clone, 0, 0, 0, 0, 0, 0);
    if (child == 0)
        child_run(dump);
    dump_stop_time(dump, now_us() - start);
    do {
        waited = child < 0 ? child
                           : syscall6(SYS_wait4, child, (long)&status, __WALL,
                                      0, 0, 0);
    } while (waited == -EINTR);
    syscall6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, sizeof all, 0,
             0);
    if (child < 0)
        return false;
    if (waited < 0 || !WIFEXITED(status)) {
        dump_fail(dump, EFAULT);
    } else if (WEXITSTATUS(status) != 0) {
        dump_fail(dump, WEXITSTATUS(status));
    }
    return true;
}

static void dump_write(struct dump *dump)
{
    if (!dump_read_file(&dump->maps, "/proc/self/maps")) {
        dump_fail(dump, EIO);
        return;
    }
    dump->max_ranges = count_lines(&dump->maps) + RANGES_SPARE;
    size_t size = dump->max_ranges * sizeof *dump->ranges;
    dump->ranges = os_map(round_up(size, dump->page));
    if (dump->ranges == NULL) {
        dump_fail(dump, ENOMEM);
        return;
    }
    dump->end = dump_headers_size(dump->max_ranges);
    dump_notes(dump);
    if (dump->error == 0 && !write_in_child(dump))
        write_memory(dump);
    os_unmap(dump->ranges, round_up(size, dump->page));
}

static void file_open(struct dump *dump, const char *path)
{
    size_t length = strlen(path);

    if (length + sizeof ".part" > sizeof dump->path) {
        dump_fail(dump, ENAMETOOLONG);
        return;
    }
    memcpy(dump->path, path, length);
    memcpy(dump->path + length, ".part", sizeof ".part");
    if (syscall6(SYS_faccessat, AT_FDCWD, (long)path, 0, 0, 0, 0) == 0) {
        dump_fail(dump, EEXIST);
        return;
    }
    long fd = syscall6(SYS_openat, AT_FDCWD, (long)dump->path,
                       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, 0, 0);
    if (fd < 0)
        dump_fail(dump, -fd);
    dump->fd = (int)fd;
}

/* The file gets its name, or goes away. */
static void file_close(struct dump *dump, const char *path)
{
    if (dump->fd < 0)
        return;
    syscall3(SYS_close, dump->fd, 0, 0);
    if (dump->error == 0) {
        long done = syscall6(SYS_renameat2, AT_FDCWD, (long)dump->path,
                             AT_FDCWD, (long)path, RENAME_NOREPLACE, 0);
        if (done == -EINVAL || done == -ENOSYS) {
            done = syscall6(SYS_renameat2, AT_FDCWD, (long)dump->path, AT_FDCWD,
                            (long)path, 0, 0);
        }
        if (done < 0)
            dump_fail(dump, -done);
    }
    if (dump->error != 0)
        syscall3(SYS_unlinkat, AT_FDCWD, (long)dump->path, 0);
}

/* 0 or an errno. */
static int snapshot(const char *path, unsigned flags)
{
    size_t size = round_up(sizeof(struct dump), os_page_size());
    struct dump *dump = os_map(size);

    if (dump == NULL)
        return ENOMEM;
    dump->fd = -1;
    dump->page = os_page_size();
    dump->with_content = (flags & LIBALLOC_CONTENT) != 0;
    file_open(dump, path);
    if (dump->error == 0)
        dump_write(dump);
    file_close(dump, path);
    dump_buffer_free(&dump->maps);
    dump_buffer_free(&dump->text);
    int error = dump->error;
    os_unmap(dump, size);
    return error;
}

EXPORT int liballoc_snapshot(const char *path, unsigned flags)
{
    int error;

    if (path == NULL || (flags & ~LIBALLOC_CONTENT) != 0) {
        error = EINVAL;
    } else {
        error = init_done() ? snapshot(path, flags) : ENOMEM;
    }
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

/* Of the signal's files; copied at start, for programs change environ. */
static char pattern[256] = "liballoc.%p.%n.snap";

/* %p: process id, %n: number, %%: itself.  False: too long. */
static bool expand(char *out, size_t room, unsigned number)
{
    size_t at = 0;

    for (const char *it = pattern; *it != '\0'; it++) {
        char word[16] = {*it, '\0'};
        if (*it == '%' && it[1] == 'p') {
            long pid = syscall3(SYS_getpid, 0, 0, 0);
            print_buf(word, sizeof word, "%d", (int)pid);
        } else if (*it == '%' && it[1] == 'n') {
            print_buf(word, sizeof word, "%u", number);
        }
        it += *it == '%' && it[1] != '\0';
        size_t length = strlen(word);
        if (at + length >= room)
            return false;
        memcpy(out + at, word, length + 1);
        at += length;
    }
    return true;
}

/* One line says where it is, or why there is none. */
static void on_signal(int signal)
{
    char path[512];
    int error = EEXIST;
    int saved = errno;

    (void)signal;
    for (unsigned i = 0; i < NUMBER_MAX && error == EEXIST; i++) {
        if (!expand(path, sizeof path, i))
            break;
        error = snapshot(path, 0);
    }
    if (error == 0) {
        print_stderr("liballoc: snapshot: %s\n", path);
    } else {
        print_stderr("liballoc: snapshot: %s: error %d\n", path, error);
    }
    errno = saved;
}

static void read_pattern(void)
{
    static const char name[] = "LIBALLOC_DUMP=";

    for (char **env = os_environment(); env != NULL && *env != NULL; env++) {
        const char *value = *env + sizeof name - 1;
        if (strncmp(*env, name, sizeof name - 1) != 0)
            continue;
        if (strlen(value) < sizeof pattern) {
            memcpy(pattern, value, strlen(value) + 1);
        } else {
            print_stderr("liballoc: LIBALLOC_DUMP is too long, ignored\n");
        }
    }
}

void snapshot_init(void)
{
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = SA_RESTART | SA_ONSTACK};
    struct sigaction old;
    int number = (int)tunables.dump_signal;

    if (number == 0 || os_is_secure())
        return;
    read_pattern();
    if (sigaction(number, NULL, &old) != 0 || old.sa_handler != SIG_DFL) {
        print_stderr("liballoc: dump_signal:%d: the signal is taken or cannot "
                     "be caught, ignored\n",
                     number);
        return;
    }
    (void)sigaction(number, &action, NULL);
}
