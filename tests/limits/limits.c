/* SPDX-License-Identifier: MIT */
#define TEST_NO_MAIN
#include "limits.h"

#include "test.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* The program `work` lies beside this one. */
static void become_work(const char *verb, const char *bytes)
{
    char path[600];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 20);

    path[length > 0 ? length : 0] = '\0';
    char *name = strrchr(path, '/');
    if (name != NULL) {
        strcpy(name + 1, "limits_work");
        execl(path, "work", verb, bytes, (char *)NULL);
    }
    _exit(CANNOT);
}

int work_status(void (*set)(void *arg), void *arg, const char *verb,
                const char *bytes)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        alarm(100);
        if (set != NULL) {
            set(arg);
        }
        become_work(verb, bytes);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

void work_judge(int status, const char *verb, const char *bytes)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT) {
        SKIP("the limit cannot be set here, or `work` not be run under it");
    }
    if (status != 0) {
        TEST_FAILED("work %s %s: wait status %#x", verb, bytes,
                    (unsigned)status);
    }
}

void deny_madvise_and_mremap(void *error)
{
    unsigned deny = SECCOMP_RET_ERRNO | (unsigned)*(int *)error;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mremap, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, deny),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        _exit(CANNOT);
    }
}

bool file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

    if (fd >= 0) {
        close(fd);
    }
    return done;
}

/* The path behind `head` in /proc/self/cgroup. */
static bool own_group(const char *head, char *path, size_t size)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;

    while (file != NULL && !found && fgets(path, (int)size, file) != NULL) {
        char *at = strstr(path, head);
        if (at != NULL) {
            path[strcspn(path, "\n")] = '\0';
            memmove(path, at + strlen(head), strlen(at + strlen(head)) + 1);
            found = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static bool group_try(struct group *group, const char *root, const char *file,
                      size_t bytes)
{
    char path[400];
    char text[32];

    snprintf(group->dir, sizeof(group->dir), "%.200s/liballoc-test-%d", root,
             (int)getpid());
    if (mkdir(group->dir, 0755) != 0) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/%s", group->dir, file);
    snprintf(text, sizeof(text), "%zu", bytes);
    if (file_write(path, text)) {
        return true;
    }
    rmdir(group->dir);
    return false;
}

const char *group_make(struct group *group, size_t bytes)
{
    char own[200];
    char root[300];

    if (own_group(":memory:", own, sizeof(own))) {
        snprintf(root, sizeof(root), "/sys/fs/cgroup/memory%s", own);
        if (group_try(group, root, "memory.limit_in_bytes", bytes)) {
            return NULL;
        }
    }
    if (group_try(group, "/sys/fs/cgroup", "memory.max", bytes)) {
        return NULL;
    }
    return "no cgroup with a memory controller may be made here";
}

void group_enter(void *group)
{
    char path[400];
    const struct group *it = group;

    snprintf(path, sizeof(path), "%s/cgroup.procs", it->dir);
    if (!file_write(path, "0")) {
        _exit(CANNOT);
    }
}

void group_remove(const struct group *group)
{
    for (int i = 0; i < 100 && rmdir(group->dir) != 0 && errno == EBUSY; i++) {
        usleep(10000);
    }
}

bool sysctl_guard(const char *path, int guard[2])
{
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = read(fd, text, sizeof(text) - 1);

    close(fd);
    if (got <= 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        char byte;
        setsid();
        close(guard[1]);
        while (read(guard[0], &byte, 1) < 0 && errno == EINTR) {
        }
        _exit(file_write(path, text) ? 0 : 1);
    }
    fcntl(guard[1], F_SETFD, FD_CLOEXEC);
    return child > 0;
}

void sysctl_end(int guard[2])
{
    int status = -1;

    close(guard[1]);
    close(guard[0]);
    wait(&status);
    CHECK_EQ(status, 0);
}
