/* SPDX-License-Identifier: MIT */
/*
 * bench_launch: runs a program under an allocator and says what it used.
 *
 * Exit status: the program's; 128 + signal when one ended it; 127 when it
 * could not be started; 2 for wrong usage.
 */
#include "launch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USAGE = 2, NOT_STARTED = 127, BY_SIGNAL = 128 };

static _Noreturn void usage(const char *why, const char *what)
{
    dprintf(2,
            "bench_launch: %s%s\n"
            "usage: bench_launch [--report FILE] [--library PATH] "
            "[--set VAR=VALUE]...\n"
            "                    [--no-thp] -- PROGRAM ARGS...\n"
            "       bench_launch --calibrate\n",
            why, what);
    _exit(USAGE);
}

/* The index of the first word of PROGRAM ARGS. */
static int parse(int argc, char **argv, struct command *command)
{
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        char *value = argv[i + 1]; /* argv ends with NULL */
        if (strcmp(argv[i], "--no-thp") == 0) {
            command->no_thp = true;
            continue;
        }
        if (!value)
            usage("a value must follow ", argv[i]);
        if (strcmp(argv[i], "--report") == 0) {
            command->report = value;
        } else if (strcmp(argv[i], "--library") == 0) {
            command->library = value;
        } else if (strcmp(argv[i], "--set") != 0) {
            usage("unknown option ", argv[i]);
        } else if (!strchr(value, '=') || command->nsettings == MAX_SETTINGS) {
            usage("VAR=VALUE must follow --set, at most 64 times, not ", value);
        } else {
            command->settings[command->nsettings++] = value;
        }
        i++;
    }
    if (i + 1 >= argc)
        usage("which program?", "");
    return i + 1;
}

static void print_number(int fd, const char *name, uint64_t value)
{
    dprintf(fd, "\"%s\":%llu,", name, (unsigned long long)value);
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void print(int fd, const struct outcome *outcome)
{
    dprintf(fd, "{");
    print_number(fd, "wall_ns", outcome->wall_ns);
    print_number(fd, "user_us", outcome->user_us);
    print_number(fd, "sys_us", outcome->sys_us);
    print_number(fd, "faults", outcome->faults);
    print_number(fd, "major_faults", outcome->major_faults);
    print_number(fd, "peak_kib", outcome->peak_kib);
    print_number(fd, "root_peak_kib", outcome->root_peak_kib);
    print_number(fd, "anon_sum_kib", outcome->anon_sum_kib);
    print_number(fd, "processes", outcome->processes);
    print_number(fd, "mapped", outcome->mapped);
    print_number(fd, "left_running", outcome->left);
    dprintf(fd, "\"root_mapped\":%s,\"traced\":%s,\"started\":%s,",
            truth(outcome->root_mapped), truth(outcome->traced),
            truth(outcome->started));
    bool ended = WIFEXITED(outcome->status);
    dprintf(fd, "\"exit_status\":%d,\"signal\":%d}\n",
            ended ? WEXITSTATUS(outcome->status) : -1,
            ended ? 0 : WTERMSIG(outcome->status));
}

/* To stderr without --report.  False with errno when it cannot be opened. */
static bool report(const struct command *command, const struct outcome *outcome)
{
    int fd = 2;
    if (command->report) {
        fd = open(command->report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                  0644);
    }
    if (fd < 0)
        return false;
    print(fd, outcome);
    return fd == 2 || close(fd) == 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--calibrate") == 0) {
        calibrate();
        return 0;
    }
    struct command command = {0};
    struct outcome outcome = {0};
    command.argv = argv + parse(argc, argv, &command);
    if (!launch(&command, &outcome)) {
        perror("bench_launch");
        return NOT_STARTED;
    }
    if (!report(&command, &outcome)) {
        perror(command.report);
        return USAGE;
    }
    if (WIFSIGNALED(outcome.status))
        return BY_SIGNAL + WTERMSIG(outcome.status);
    return WEXITSTATUS(outcome.status);
}
