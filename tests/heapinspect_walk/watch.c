/* SPDX-License-Identifier: MIT */
#define TEST_NO_MAIN
#include "watch.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct shadow shadow;

enum {
    LIMIT = 120, /* seconds that one run of heapinspect may take */
    ARGUMENTS = 16,
};
/* No damaged count may cost more memory than this; ASan's shadow is larger. */
#if defined(__SANITIZE_ADDRESS__)
#    define ADDRESS_SPACE RLIM_INFINITY
#else
#    define ADDRESS_SPACE ((rlim_t)8 << 30)
#endif

const char *scratch(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof paths[0], "/tmp/heapinspect_walk.%d.%s",
                   (int)getpid(), name);
    return path;
}

void shadow_stop(void)
{
    if (shadow.pid != 0) {
        close(shadow.to);
        kill(shadow.pid, SIGKILL);
        kill(shadow.pid, SIGCONT);
        waitpid(shadow.pid, NULL, 0);
    }
    free(shadow.records);
    shadow = (struct shadow){0};
}

static int by_address(const void *a, const void *b)
{
    const struct shadow_record *left = a;
    const struct shadow_record *right = b;

    if ((left->size == 0) != (right->size == 0))
        return left->size == 0 ? 1 : -1;
    return (left->mem > right->mem) - (left->mem < right->mem);
}

static bool read_record(const char *path)
{
    struct stat about;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0 || fstat(file, &about) != 0)
        return false;
    size_t size = (size_t)about.st_size;
    size_t done = 0;
    shadow.records = malloc(size);
    while (shadow.records != NULL && done < size) {
        ssize_t got = read(file, (char *)shadow.records + done, size - done);
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    close(file);
    unlink(path);
    shadow.nrecords = size / sizeof *shadow.records;
    if (done != size || size == 0)
        return false;
    qsort(shadow.records, shadow.nrecords, sizeof *shadow.records, by_address);
    while (shadow.nlive < shadow.nrecords &&
           shadow.records[shadow.nlive].size != 0)
        shadow.nlive++;
    return true;
}

void shadow_start(const char *pattern, const char *slots, const char *conf)
{
    const char *record = scratch("record");
    int down[2];
    int up[2];
    char line[6];

    shadow_stop();
    REQUIRE(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0);
    shadow.pid = fork();
    if (shadow.pid == 0) {
        dup2(down[0], STDIN_FILENO);
        dup2(up[1], STDOUT_FILENO);
        setenv("LD_PRELOAD", LIBRARY_PATH, 1); /* NOLINT: one thread */
        setenv("LIBALLOC_CONF", conf, 1);      /* NOLINT: one thread */
        execl(SHADOW_PATH, SHADOW_PATH, pattern, slots, record, (char *)NULL);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    shadow.to = down[1];
    bool ready = read(up[0], line, sizeof line) == sizeof line;
    close(up[0]);
    REQUIRE(ready);
    REQUIRE(strcmp(pattern, "busy") == 0 || read_record(record));
}

const struct shadow_record *shadow_before(uintptr_t address)
{
    size_t low = 0;
    size_t high = shadow.nlive;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shadow.records[middle].mem <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &shadow.records[low - 1] : NULL;
}

static void redirect(const char *path, int flags, int to)
{
    int file = open(path != NULL ? path : "/dev/null", flags, 0600);

    if (file < 0 || dup2(file, to) < 0)
        _exit(126);
}

int run(const char *in, const char *out, char *const *argv)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit room = {ADDRESS_SPACE, ADDRESS_SPACE};
        alarm(LIMIT);
        setrlimit(RLIMIT_AS, &room);
        redirect(in, O_RDONLY, STDIN_FILENO);
        if (out == NULL || strcmp(out, "-") != 0)
            redirect(out, O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
        redirect(NULL, O_WRONLY, STDERR_FILENO);
        execv(argv[0], argv);
        _exit(126);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

int inspect(const char *in, const char *out, const char *const *arguments)
{
    char pid[16];
    char *argv[ARGUMENTS] = {(char *)(uintptr_t)HEAPINSPECT_PATH,
                             (char *)(uintptr_t)arguments[0], pid};

    (void)snprintf(pid, sizeof pid, "%d", (int)shadow.pid);
    for (int i = 1; arguments[i] != NULL && i < ARGUMENTS - 3; i++)
        argv[2 + i] = (char *)(uintptr_t)arguments[i];
    return run(in, out, argv);
}

struct model *model_open(enum target_mode mode)
{
    const struct target_options options = {.mode = mode};
    struct failure failure;
    char pid[16];

    (void)snprintf(pid, sizeof pid, "%d", (int)shadow.pid);
    struct target *target = target_open(pid, &options, &failure);
    if (target == NULL) {
        test_print(STDOUT_FILENO, "  %s\n", failure.text);
        return NULL;
    }
    struct model *model = model_load(target, &failure);
    if (model == NULL) {
        test_print(STDOUT_FILENO, "  %s\n", failure.text);
        target_close(target);
    }
    return model;
}

void model_close(struct model *model)
{
    struct target *target = model->target;

    model_free(model);
    target_close(target);
}
