/* SPDX-License-Identifier: MIT */
/* bench_work: runs one workload and prints one line of JSON. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct workload *const families[] = {
    churn_workloads,        oneway_workloads,    burst_workloads,
    thread_churn_workloads, larson_workloads,    resize_workloads,
    retain_workloads,       footprint_workloads,
};

static const struct workload *find(const char *name)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        for (const struct workload *w = families[f]; w->name; w++) {
            if (strcmp(w->name, name) == 0)
                return w;
        }
    }
    return NULL;
}

static void list(void)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        for (const struct workload *w = families[f]; w->name; w++)
            dprintf(1, "%-22s %s\n", w->name, w->description);
    }
}

static _Noreturn void usage(const char *why, const char *what)
{
    dprintf(2, "bench_work: %s%s\n", why, what);
    dprintf(2, "usage: bench_work NAME [--threads N] [--seconds S | --ops N] "
               "[--seed N]\n       bench_work --list\n");
    _exit(2);
}

static double number(const char *option, const char *text, double max)
{
    char *end = NULL;
    errno = 0;
    double value = text ? strtod(text, &end) : 0;
    if (!text || end == text || *end || errno || !(value > 0 && value <= max))
        usage("a positive number must follow ", option);
    return value;
}

static struct options parse(int argc, char **argv)
{
    struct options options = {.seconds = 1.0, .seed = 1};
    for (int i = 2; i < argc; i += 2) {
        const char *value = argv[i + 1]; /* argv ends with NULL */
        if (strcmp(argv[i], "--threads") == 0) {
            options.threads = (unsigned)number(argv[i], value, MAX_THREADS);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            options.seconds = number(argv[i], value, 86400);
        } else if (strcmp(argv[i], "--ops") == 0) {
            options.ops = (uint64_t)number(argv[i], value, 1e15);
        } else if (strcmp(argv[i], "--seed") == 0) {
            options.seed = (uint64_t)number(argv[i], value, 1e15);
        } else {
            usage("unknown option ", argv[i]);
        }
    }
    return options;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    if (argc < 2)
        usage("which workload?", "");
    struct run run = {.workload = find(argv[1])};
    if (!run.workload)
        usage("unknown workload ", argv[1]);
    run.options = parse(argc, argv);
    run.workload->fn(&run);
    report_print(&run);
    return 0;
}
