/* SPDX-License-Identifier: MIT */
/*
 * What an inspection costs: CPU time, for wall time is everybody's; memory;
 * and how long the process stands.
 */
#include "watch.h"

#include <stdlib.h>
#include <sys/resource.h>

enum {
    STOPS = 50,
    STOP_MS = 10, /* per GiB of heap */
    QUICK_MS = 200,
};

static double children_ms(void)
{
    struct rusage use;

    (void)getrusage(RUSAGE_CHILDREN, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
}

static double heap_gib(const struct model *model)
{
    struct block_walk walk;
    struct block block;
    size_t bytes = 0;

    block_walk_begin(&walk, model);
    while (block_walk_next(&walk, &block))
        bytes += block.size;
    return (double)bytes / (double)(1 << 30);
}

static void check_quick_verbs(void)
{
    static const char *const quick[] = {"heap", "slabs", "buddy"};

    struct model *model = model_open(MODE_PEEK);
    REQUIRE(model != NULL);
    double gib = heap_gib(model);
    model_close(model);
    CHECK(gib > 1);
    for (size_t i = 0; i < sizeof quick / sizeof *quick; i++) {
        const char *const arguments[] = {quick[i], NULL};
        double before = children_ms();
        CHECK_EQ(inspect(NULL, NULL, arguments), STATUS_FINE);
        double took = children_ms() - before;
        test_print(STDOUT_FILENO, "  %s: %.0f ms of CPU, %.1f GiB\n", quick[i],
                   took, gib);
        CHECK(took < QUICK_MS * gib);
    }
}

/* The least of some stops: this machine has other work too. */
static void check_stop(void)
{
    double best = 1e9;
    double gib = 0;

    for (unsigned i = 0; i < STOPS && (i == 0 || best > STOP_MS * gib); i++) {
        struct model *model = model_open(MODE_STOP);
        REQUIRE(model != NULL);
        double ms = target_stop_ms(model->target);
        gib = heap_gib(model);
        best = ms < best ? ms : best;
        model_close(model);
    }
    test_print(STDOUT_FILENO, "  stopped for %.1f ms, %.1f GiB\n", best, gib);
    CHECK(best <= STOP_MS * gib);
}

static void check_least(char *program, char *least)
{
    char option[] = "--least";
    char pid[16];
    char *argv[] = {program, pid, option, least, NULL};

    (void)snprintf(pid, sizeof pid, "%d", (int)shadow.pid);
    CHECK_EQ(run(NULL, "-", argv), 0);
}

static void check_walk(void)
{
    char path[] = SPEED_PATH;
    char least[] = "5e6";

    check_least(path, least);
}

/* 1 GiB/s of one core, of a quiet one; this machine has other work, too. */
static void check_leaks(void)
{
    char path[] = LEAK_SPEED_PATH;
    char least[] = "0.25";

    check_least(path, least);
}

/* One page of it, a short stop, and pointers at a gibibyte a second. */
TEST(speed, a_gibibyte_of_mixed_sizes)
{
    shadow_start("mixed", "320000", "");
    check_quick_verbs();
    check_stop();
    check_leaks();
    shadow_stop();
}

TEST(speed, five_million_chunks_a_second_in_little_memory)
{
    shadow_start("small", "8000000", "slab_max:0");
    check_walk();
    shadow_stop();
}

TEST(speed, five_million_slots_a_second_in_little_memory)
{
    shadow_start("small", "8000000", "");
    check_walk();
    check_leaks();
    shadow_stop();
}
