/* SPDX-License-Identifier: MIT */
/*
 * explore SCENARIO [--bound N] [--harden 1] [--mutant N] [--states N]
 *         [--seconds N]
 * explore SCENARIO --replay SCHEDULE [--harden 1] [--mutant N]
 * explore --list
 *
 * The scenario says up to which bound CI explores it; --bound -1: any number.
 * Explores a scenario with 0, 1, ... preemptions, and then, unless bounded,
 * with any number: the first failure found is one with the fewest.
 * Exit: 0 all was explored, 1 a schedule fails, 3 a limit ended it.
 */
#include "points.h"
#include "scenario.h"
#include "search.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WARM_UP = 2, /* bounds tried before any number of preemptions */
    EXIT_LIMIT = 3,
};

struct request {
    const struct scenario *scenario;
    const char *schedule;
    struct search_limits limits;
    int bound;
};

static void list(void)
{
    for (const struct scenario *it = scenarios; it->name != NULL; it++) {
        printf("%-10s %s\n", it->name, it->what);
        for (int i = 0; i < NTHREADS; i++) {
            printf("           %c: [%s] %s\n", 'a' + i, it->setup[i],
                   it->run[i]);
        }
    }
}

static void print_figures(int bound, const struct search_figures *figures)
{
    char schedules[64] = "";

    if (bound < 0) {
        snprintf(schedules, sizeof schedules, ", %.3g schedules",
                 figures->schedules);
    }
    printf("  %zu states, %zu steps%s, %zu ends checked, depth %zu, %u shared "
           "words, %.1f s\n",
           figures->states, figures->transitions, schedules, figures->ends,
           figures->depth, points_count(), figures->seconds);
}

/* The exit code for one bound; -1: go on with the next. */
static int explore(const struct request *request, int bound, double *left)
{
    struct search_figures figures;
    struct search_limits limits = request->limits;

    limits.bound = bound;
    limits.seconds = *left;
    enum verdict verdict = search(&limits, &figures);
    *left -= figures.seconds;
    if (bound < 0) {
        printf("any number of preemptions:\n");
    } else {
        printf("at most %d preemptions:\n", bound);
    }
    print_figures(bound, &figures);
    switch (verdict) {
    case SEARCH_EXHAUSTED:
        printf("EXHAUSTED: every interleaving was explored\n");
        return 0;
    case SEARCH_BOUNDED:
        if (bound != request->bound)
            return -1;
        printf("EXHAUSTED: every schedule with at most %d preemptions\n",
               bound);
        return 0;
    case SEARCH_LIMIT:
        printf("LIMIT: the search was given up, the rest is unknown\n");
        return EXIT_LIMIT;
    case SEARCH_FAILED:
        printf("FAILED: %s\n  explore %s --replay %s", search_failure(),
               request->scenario->name, search_schedule());
        printf(explore_harden ? " --harden 1" : "");
        printf(explore_mutant != 0 ? " --mutant %d\n" : "\n", explore_mutant);
        return 1;
    }
    return 2;
}

static int explore_all(const struct request *request)
{
    double left = request->limits.seconds;

    for (int bound = 0;
         request->bound < 0 ? bound <= WARM_UP : bound <= request->bound;
         bound++) {
        int code = explore(request, bound, &left);
        if (code >= 0)
            return code;
    }
    return explore(request, -1, &left);
}

static int usage(void)
{
    fprintf(stderr, "usage: explore SCENARIO [--bound N] [--harden 1] "
                    "[--mutant N] [--states N] [--seconds N] "
                    "[--replay SCHEDULE] | "
                    "--list\n");
    return 2;
}

/* False: not understood. */
static bool parse(int argc, char **argv, struct request *request)
{
    request->scenario = argc > 1 ? scenario_find(argv[1]) : NULL;
    if (request->scenario == NULL || argc % 2 != 0)
        return false;
    request->bound = request->scenario->bound;
    for (int i = 2; i < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--bound") == 0) {
            request->bound = atoi(value);
        } else if (strcmp(argv[i], "--mutant") == 0) {
            explore_mutant = atoi(value);
        } else if (strcmp(argv[i], "--harden") == 0) {
            explore_harden = atoi(value) != 0;
        } else if (strcmp(argv[i], "--states") == 0) {
            request->limits.states = strtoul(value, NULL, 10);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            request->limits.seconds = strtod(value, NULL);
        } else if (strcmp(argv[i], "--replay") == 0) {
            request->schedule = value;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct request request = {.limits = {.states = SIZE_MAX, .seconds = 3600}};

    threads_init();
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    if (!parse(argc, argv, &request))
        return usage();
    const struct scenario *scenario = request.scenario;
    points_init();
    points_mode->fine = scenario->has_fine;
    points_mode->tso = scenario->has_tso;
    printf("%s: %s\n", scenario->name, scenario->what);
    setvbuf(stdout, NULL, _IOLBF, 0);
    search_init();
    scenario_start(scenario);
    /* Which stores are buffered depends on the words found to be shared. */
    int code = request.schedule == NULL || scenario->has_tso
                   ? explore_all(&request)
                   : 0;
    if (request.schedule != NULL)
        code = search_replay(request.schedule) ? 0 : 1;
    return code;
}
