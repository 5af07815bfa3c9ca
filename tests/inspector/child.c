/* SPDX-License-Identifier: MIT */
#define TEST_NO_MAIN
#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

struct child child;

void child_stop(void)
{
    if (child.pid == 0)
        return;
    close(child.to);
    close(child.from);
    kill(child.pid, SIGKILL);
    waitpid(child.pid, NULL, 0);
    child.pid = 0;
}

bool child_line(char *line, size_t len)
{
    size_t used = 0;
    char c = '\0';

    while (used + 1 < len && read(child.from, &c, 1) == 1 && c != '\n')
        line[used++] = c;
    line[used] = '\0';
    return c == '\n';
}

bool child_command(char command, char *line, size_t len)
{
    return write(child.to, &command, 1) == 1 && child_line(line, len);
}

bool child_run(const char *program, const char *library, const char *conf)
{
    int down[2];
    int up[2];
    char line[64];

    child_stop();
    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0)
        return false;
    child.pid = fork();
    if (child.pid == 0) {
        dup2(down[0], STDIN_FILENO);
        dup2(up[1], STDOUT_FILENO);
        setenv("LD_PRELOAD", library, 1);
        setenv("LIBALLOC_CONF", conf, 1);
        alarm(60);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    child.to = down[1];
    child.from = up[0];
    return child_line(line, sizeof line) && strcmp(line, "ready") == 0;
}

void child_open(struct target *target, const char *conf)
{
    REQUIRE(child_run(TARGET_PATH, LIBRARY_PATH, conf));
    const char *why = target_open(target, child.pid);
    if (why != NULL)
        test_print(STDOUT_FILENO, "  %s\n", why);
    REQUIRE(why == NULL);
}

void child_census(const struct target *target, struct census *census)
{
    REQUIRE(census_take(target, census));
    CHECK_STR(census->first_fault, "");
    CHECK_EQ(census->faults, 0);
    CHECK_EQ(census->torn, 0);
}

size_t child_tunable(const struct target *target, const char *name)
{
    struct field_descriptor field;
    size_t value = 0;

    CHECK(root_field(target, "tunables", name, &field));
    CHECK(far_read(target, far_address(&target->root.tunables) + field.offset,
                   &value, sizeof value));
    return value;
}
