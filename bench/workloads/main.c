/* SPDX-License-Identifier: MIT */
/* bench_work: runs one workload and prints one line of JSON. */
#include "bench.h"
#include "latency.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* There only in bench_latency. */
#pragma weak latency_record
#pragma weak latency_clock_ns

static const struct family {
    const char *name;
    const struct workload *workloads;
} families[] = {
    {"churn", churn_workloads},
    {"oneway", oneway_workloads},
    {"burst", burst_workloads},
    {"thread-churn", thread_churn_workloads},
    {"larson", larson_workloads},
    {"resize", resize_workloads},
    {"retain", retain_workloads},
    {"mstress", mstress_workloads},
    {"rptest", rptest_workloads},
    {"false-sharing", false_sharing_workloads},
    {"smartheap", smartheap_workloads},
    {"alloc-test", pareto_workloads},
    {"idle", idle_workloads},
    {"trace", replay_workloads},
    {"footprint", footprint_workloads},
};

enum { FAMILIES = sizeof families / sizeof *families };

static const struct workload *find(const char *name)
{
    for (size_t f = 0; f < FAMILIES; f++) {
        for (const struct workload *w = families[f].workloads; w->name; w++) {
            if (strcmp(w->name, name) == 0)
                return w;
        }
    }
    return NULL;
}

/* NAME, family, threads unless asked, what it models; between tabs. */
static void list(void)
{
    for (size_t f = 0; f < FAMILIES; f++) {
        for (const struct workload *w = families[f].workloads; w->name; w++) {
            dprintf(1, "%s\t%s\t%u\t%s\n", w->name, families[f].name,
                    w->threads, w->description);
        }
    }
}

static void help(void)
{
    dprintf(1, "usage: bench_work NAME [OPTION...]\n"
               "       bench_work --list\n"
               "  --threads N     as many threads\n"
               "  --seconds S     of measured time (1)\n"
               "  --ops N         so many operations instead\n"
               "  --seed N        of the random numbers (1)\n"
               "  --idle S        rest so long before rss_idle_kib is read\n"
               "  --latency       percentiles of single calls; slower\n"
               "  --trace FILE    replay: the trace\n"
               "  --touch WHAT    replay: none, start, ends, pages (as is), "
               "fill\n");
}

static _Noreturn void usage(const char *why, const char *what)
{
    dprintf(2, "bench_work: %s%s (see bench_work --help)\n", why, what);
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

static enum touch touch_named(const char *text)
{
    static const char *const names[] = {[TOUCH_PAGES] = "pages",
                                        [TOUCH_NONE] = "none",
                                        [TOUCH_START] = "start",
                                        [TOUCH_ENDS] = "ends",
                                        [TOUCH_FILL] = "fill"};
    for (unsigned i = 0; text && i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    usage("none, start, ends, pages or fill must follow ", "--touch");
}

/* An option with a value. */
static void parse_valued(struct options *options, const char *name,
                         const char *value)
{
    if (strcmp(name, "--threads") == 0) {
        options->threads = (unsigned)number(name, value, MAX_THREADS);
    } else if (strcmp(name, "--seconds") == 0) {
        options->seconds = number(name, value, 86400);
    } else if (strcmp(name, "--ops") == 0) {
        options->ops = (uint64_t)number(name, value, 1e15);
    } else if (strcmp(name, "--seed") == 0) {
        options->seed = (uint64_t)number(name, value, 1e15);
    } else if (strcmp(name, "--idle") == 0) {
        options->idle = number(name, value, 86400);
    } else if (strcmp(name, "--touch") == 0) {
        options->touch = touch_named(value);
    } else if (strcmp(name, "--trace") == 0 && value) {
        options->trace = value;
    } else {
        usage("unknown option ", name);
    }
}

static struct options parse(int argc, char **argv)
{
    struct options options = {.seconds = 1.0, .seed = 1};
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--latency") == 0) {
            options.latency = true;
        } else {
            /* argv ends with NULL: a missing value is seen as such. */
            parse_valued(&options, argv[i], argv[i + 1]);
            i++;
        }
    }
    return options;
}

/* bench_latency, which lies beside this program, with the same arguments. */
static _Noreturn void become_latency(char **argv)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
    if (length > 0) {
        path[length] = 0;
        char *base = strrchr(path, '/') + 1;
        memcpy(base, "bench_latency", sizeof "bench_latency");
        execv(path, argv);
    }
    fail("--latency needs bench_latency beside bench_work");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        help();
        return 0;
    }
    if (argc < 2)
        usage("which workload?", "");
    struct run run = {.workload = find(argv[1])};
    if (!run.workload)
        usage("unknown workload ", argv[1]);
    run.options = parse(argc, argv);
    if (run.options.latency && !latency_record)
        become_latency(argv);
    run.workload->fn(&run);
    if (run.options.idle > 0)
        run_rest(&run, run.options.idle);
    if (latency_record)
        run_extra(&run, "latency_clock_ns", latency_clock_ns());
    report_print(&run);
    return 0;
}
