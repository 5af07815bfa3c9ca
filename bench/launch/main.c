/* SPDX-License-Identifier: MIT */
/*
 * bench_launch: runs a program under an allocator and says what it used.
 *
 * Exit status: the program's; 128 + signal when one ended it; 127 when it
 * could not be started; 2 for wrong usage.
 */
#include "launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { USAGE = 2, NOT_STARTED = 127, BY_SIGNAL = 128 };

static _Noreturn void usage(const char *why, const char *what)
{
    fprintf(stderr,
            "bench_launch: %s%s\n"
            "usage: bench_launch [--report FILE] [--library PATH] "
            "[--set VAR=VALUE]...\n"
            "                    [--no-thp] -- PROGRAM ARGS...\n"
            "       bench_launch --calibrate\n",
            why, what);
    exit(USAGE);
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

static void print_number(FILE *file, const char *name, uint64_t value)
{
    fprintf(file, "\"%s\":%llu,", name, (unsigned long long)value);
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static void print(FILE *file, const struct outcome *outcome)
{
    fputc('{', file);
    print_number(file, "wall_ns", outcome->wall_ns);
    print_number(file, "user_us", outcome->user_us);
    print_number(file, "sys_us", outcome->sys_us);
    print_number(file, "faults", outcome->faults);
    print_number(file, "major_faults", outcome->major_faults);
    print_number(file, "peak_kib", outcome->peak_kib);
    print_number(file, "root_peak_kib", outcome->root_peak_kib);
    print_number(file, "anon_sum_kib", outcome->anon_sum_kib);
    print_number(file, "processes", outcome->processes);
    print_number(file, "mapped", outcome->mapped);
    print_number(file, "left_running", outcome->left);
    fprintf(file, "\"root_mapped\":%s,\"traced\":%s,\"started\":%s,",
            truth(outcome->root_mapped), truth(outcome->traced),
            truth(outcome->started));
    bool ended = WIFEXITED(outcome->status);
    fprintf(file, "\"exit_status\":%d,\"signal\":%d}\n",
            ended ? WEXITSTATUS(outcome->status) : -1,
            ended ? 0 : WTERMSIG(outcome->status));
}

static bool report(const struct command *command, const struct outcome *outcome)
{
    FILE *file = command->report ? fopen(command->report, "we") : stderr;
    if (!file)
        return false;
    print(file, outcome);
    return !command->report || fclose(file) == 0;
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
        fprintf(stderr, "bench_launch: %s: %s\n", command.report,
                strerror(errno));
        return USAGE;
    }
    if (WIFSIGNALED(outcome.status))
        return BY_SIGNAL + WTERMSIG(outcome.status);
    return WEXITSTATUS(outcome.status);
}
