/* SPDX-License-Identifier: MIT */
/*
 * What tests/record/record counts.  target all: as many calls as are written
 * there, then the end; target run: allocates until it is killed, after a
 * line on stdout; target fork: the child allocates, and the parent.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

enum { THREADS = 4, KEPT = 1000, PEAK = 8 };

static void *volatile sink;
static void *kept[KEPT];

/* Not the last call of its caller: each keeps its frame. */
static void *keep(void *mem)
{
    sink = mem;
    return mem;
}

NOINLINE static void hold(void)
{
    for (int i = 0; i < KEPT; i++)
        kept[i] = keep(malloc(100));
}

NOINLINE static void let_go(void)
{
    for (int i = 0; i < KEPT; i++)
        free(kept[i]);
    sink = NULL;
}

NOINLINE static void passing(void)
{
    for (int i = 0; i < 5000; i++)
        free(keep(malloc(32)));
    sink = NULL;
}

/* 16, 32, ... 16384: ten steps; the last is freed. */
NOINLINE static void grow(void)
{
    void *mem = NULL;

    for (size_t size = 16; size <= 16384; size *= 2)
        mem = keep(realloc(mem, size));
    free(mem);
    sink = NULL;
}

NOINLINE static void aligned(void)
{
    void *mem[50];

    for (int i = 0; i < 50; i++) {
        if (posix_memalign(&mem[i], 64, 256) != 0)
            abort();
        sink = mem[i];
    }
    for (int i = 0; i < 50; i++)
        free(mem[i]);
    sink = NULL;
}

NOINLINE static void zeroed(void)
{
    void *mem[30];

    for (int i = 0; i < 30; i++)
        mem[i] = keep(calloc(10, 7));
    for (int i = 0; i < 30; i++)
        free(mem[i]);
    sink = NULL;
}

NOINLINE static void mountain(void)
{
    void *mem[PEAK];

    for (int i = 0; i < PEAK; i++)
        mem[i] = keep(malloc(1 << 20));
    for (int i = 0; i < PEAK; i++)
        free(mem[i]);
    sink = NULL;
}

NOINLINE static void leak(void)
{
    for (int i = 0; i < 7; i++)
        sink = keep(malloc(1001));
}

/* A failed reallocation leaves the block. */
NOINLINE static void fail_to_grow(void)
{
    volatile size_t much = (size_t)1 << 62;
    void *mem = keep(malloc(333));

    sink = realloc(mem, much);
    if (sink != NULL)
        abort();
    free(mem);
}

NOINLINE static void *threaded(void *argument)
{
    void *mem[100];

    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 100; i++)
            mem[i] = malloc(48);
        for (int i = 0; i < 100; i++)
            free(mem[i]);
    }
    sink = argument;
    return keep(malloc(2000));
}

/* What threads return is freed here. */
NOINLINE static void threads(void)
{
    pthread_t thread[THREADS];
    void *mem;

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, threaded, NULL) != 0)
            abort();
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(thread[i], &mem);
        free(mem);
    }
    sink = NULL;
}

NOINLINE static void run_on(void)
{
    if (write(STDOUT_FILENO, "x", 1) != 1)
        abort();
    for (;;) {
        for (int i = 0; i < 100; i++)
            kept[i] = keep(malloc(77));
        for (int i = 0; i < 100; i++)
            free(kept[i]);
    }
}

NOINLINE static void fork_one(void)
{
    passing();
    pid_t pid = fork();
    if (pid == 0) {
        hold();
        let_go();
        _exit(0);
    }
    (void)waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";

    if (strcmp(what, "run") == 0) {
        run_on();
    } else if (strcmp(what, "fork") == 0) {
        fork_one();
    } else {
        hold();
        passing();
        grow();
        aligned();
        zeroed();
        mountain();
        leak();
        fail_to_grow();
        threads();
        let_go();
    }
    return 3;
}
