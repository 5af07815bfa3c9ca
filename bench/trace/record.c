/* SPDX-License-Identifier: MIT */
/* bench_trace record: runs the program, then makes traces of what it left. */
#include "bench_trace.h"

#include "convert.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MAX_FILES = 4096,
    FAILED_TO_START = 127,
};

struct found {
    char path[PATH_MAX];
    size_t nevents;
};

/* The recorder lies beside this program, in lib/ or in ../lib. */
static bool find_recorder(char path[static PATH_MAX])
{
    static const char *const places[] = {"", "../lib/"};
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length <= 0)
        return false;
    own[length] = 0;
    *strrchr(own, '/') = 0;
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        int n = snprintf(path, PATH_MAX, "%s/%slibbench_recorder.so", own,
                         places[i]);
        if (n < PATH_MAX && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static _Noreturn void become(const struct record_options *options,
                             const char *directory, const char *recorder)
{
    const char *others = getenv("LD_PRELOAD");
    char preload[2 * PATH_MAX];
    char max[32];
    (void)snprintf(preload, sizeof preload, "%s%s%s", recorder,
                   others && *others ? ":" : "", others ? others : "");
    (void)snprintf(max, sizeof max, "%llu", (unsigned long long)options->max);
    if (setenv("LD_PRELOAD", preload, 1) == 0 &&
        setenv(RAW_DIR_VARIABLE, directory, 1) == 0 &&
        (options->max == 0 || setenv(RAW_MAX_VARIABLE, max, 1) == 0))
        execvp(options->program[0], options->program);
    dprintf(2, "bench_trace: %s: %s\n", options->program[0], strerror(errno));
    _exit(FAILED_TO_START);
}

/* The exit status of the program, as a shell has it. */
static int run_program(const struct record_options *options,
                       const char *directory, const char *recorder)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        become(options, directory, recorder);
    /* A Ctrl-C is meant for the program: what it did is still wanted. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
    while (child > 0 && waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return FAILED_TO_START;
    }
    if (child < 0)
        return FAILED_TO_START;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int busier(const void *left, const void *right)
{
    const struct found *a = left;
    const struct found *b = right;
    return (a->nevents < b->nevents) - (a->nevents > b->nevents);
}

/* False: the path of the file would be too long, or it is no raw file. */
static bool raw_path(char path[static PATH_MAX], const char *directory,
                     const char *name)
{
    int n = snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return n < PATH_MAX && strncmp(name, "raw.", 4) == 0;
}

/* The raw files with events, the busiest first. */
static size_t find_files(const char *directory, struct found *files)
{
    size_t count = 0;
    DIR *listing = opendir(directory);
    /* This program has one thread. */
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    for (struct dirent *each = listing ? readdir(listing) : NULL;
         each && count < MAX_FILES; each = readdir(listing)) {
        struct raw raw;
        struct found *file = &files[count];
        if (!raw_path(file->path, directory, each->d_name) ||
            !raw_open(&raw, file->path))
            continue;
        file->nevents = raw_count(&raw);
        count += file->nevents > 0;
        raw_close(&raw);
    }
    if (listing)
        closedir(listing);
    qsort(files, count, sizeof *files, busier);
    return count;
}

static bool convert_file(const struct found *file, const char *path)
{
    struct raw raw;
    struct converted done;
    if (!raw_open(&raw, file->path)) {
        dprintf(2, "bench_trace: %s: cannot be read\n", file->path);
        return false;
    }
    const char *why = convert(&raw, path, &done);
    if (why) {
        dprintf(2, "bench_trace: %s: %s\n", path, why);
    } else {
        dprintf(1,
                "%s: %s (pid %llu): %llu calls, %llu objects, %llu threads, "
                "%llu foreign frees, %llu lost\n",
                path, done.header.program, (unsigned long long)raw.header->pid,
                (unsigned long long)done.header.ncalls,
                (unsigned long long)done.header.nobjects,
                (unsigned long long)done.header.nthreads,
                (unsigned long long)done.foreign,
                (unsigned long long)done.lost);
    }
    raw_close(&raw);
    return why == NULL;
}

static bool convert_files(const struct record_options *options,
                          const char *directory)
{
    static struct found files[MAX_FILES];
    char path[PATH_MAX];
    size_t count = find_files(directory, files);
    if (count == 0) {
        dprintf(2,
                "bench_trace: nothing was recorded: %s makes no call, or is "
                "statically linked or setuid\n",
                options->program[0]);
        return false;
    }
    bool done = convert_file(&files[0], options->file);
    for (size_t i = 1; done && options->all && i < count; i++) {
        (void)snprintf(path, sizeof path, "%s.%zu", options->file, i);
        done = convert_file(&files[i], path);
    }
    if (count > 1 && !options->all) {
        dprintf(1, "%zu less busy processes left out (--all keeps them)\n",
                count - 1);
    }
    return done;
}

static void remove_all(const char *directory)
{
    char path[PATH_MAX];
    DIR *listing = opendir(directory);
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    for (struct dirent *each = listing ? readdir(listing) : NULL; each;
         each = readdir(listing)) {
        if (raw_path(path, directory, each->d_name))
            unlink(path);
    }
    if (listing)
        closedir(listing);
    rmdir(directory);
}

int command_record(const struct record_options *options)
{
    char recorder[PATH_MAX];
    char directory[PATH_MAX];
    const char *temporary = getenv("TMPDIR");
    (void)snprintf(directory, sizeof directory, "%s/bench_trace.XXXXXX",
                   temporary && *temporary ? temporary : "/tmp");
    if (!find_recorder(recorder)) {
        dprintf(2, "bench_trace: there is no libbench_recorder.so\n");
        return 1;
    }
    if (!mkdtemp(directory)) {
        dprintf(2, "bench_trace: %s: %s\n", directory, strerror(errno));
        return 1;
    }
    int status = run_program(options, directory, recorder);
    bool done = status != FAILED_TO_START && convert_files(options, directory);
    if (done && status != 0) {
        dprintf(2, "bench_trace: %s ended with status %d\n",
                options->program[0], status);
    }
    remove_all(directory);
    return done ? 0 : 1;
}
