/* SPDX-License-Identifier: MIT */
/*
 * The process that is looked at, run with liballoc preloaded.  One letter on
 * stdin is a command, one line on stdout its answer; between them it rests.
 * Its own work needs no malloc.
 *   h  holds a known set of blocks: "SIZE USABLE COUNT" groups, then "end"
 *   d  drops them          p  holds pages, and objects of a cache
 *   r  frees what a thread allocated that has ended, and one that sleeps
 *   f  forks: the child's pid; the child rests until `q`
 *   w  two threads work until `s`
 *   q  ends
 */
#include "liballoc.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BLOCKS_MAX = 1024,
    REMOTE = 2000, /* objects of another thread */
};

static const struct {
    size_t size;
    unsigned count;
} groups[] = {
    {16, 100},    {24, 50},     {100, 300},    {512, 77},
    {1000, 40},   {3000, 25},   {50000, 7},    {300000, 3},
    {2000000, 2}, {9000000, 2}, {20000000, 1},
};
static void *held[BLOCKS_MAX];
static unsigned nr_held;

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(3);
}

static void hold(void)
{
    char line[96];

    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        void *mem = NULL;
        for (unsigned i = 0; i < groups[g].count; i++) {
            mem = malloc(groups[g].size);
            memset(mem, 0xa5, groups[g].size);
            held[nr_held++] = mem;
        }
        snprintf(line, sizeof line, "%zu %zu %u\n", groups[g].size,
                 malloc_usable_size(mem), groups[g].count);
        say(line);
    }
    say("end\n");
}

static void drop(void)
{
    while (nr_held > 0)
        free(held[--nr_held]);
    say("dropped\n");
}

static void construct(void *object)
{
    memset(object, 0x11, 200);
}

/* 8 pages and 30 objects of 200 bytes with a constructor. */
static void hold_pages(void)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("inspected", 200, 64, 0, construct);

    for (int i = 0; i < 30; i++)
        held[nr_held + (unsigned)i] = liballoc_cache_alloc(cache, 0);
    say(liballoc_pages_alloc(3, 0) != NULL ? "pages\n" : "failed\n");
}

struct worker {
    void *objects[REMOTE];
    sem_t ready;
    sem_t leave;
};

static void *work(void *data)
{
    struct worker *worker = data;

    for (int i = 0; i < REMOTE; i++)
        worker->objects[i] = malloc(i % 2 == 0 ? 48 : 2000);
    sem_post(&worker->ready);
    sem_wait(&worker->leave);
    return NULL;
}

/* Frees of a thread that has ended (an idle heap), and of one that sleeps. */
static void remote(void)
{
    static struct worker workers[2];
    pthread_t threads[2];

    for (int i = 0; i < 2; i++) {
        sem_init(&workers[i].ready, 0, 0);
        sem_init(&workers[i].leave, 0, 0);
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
            _exit(4);
        sem_wait(&workers[i].ready);
    }
    sem_post(&workers[0].leave);
    pthread_join(threads[0], NULL);
    for (int i = 0; i < REMOTE; i++) {
        free(workers[0].objects[i]);
        free(workers[1].objects[i]);
    }
    say("remote\n");
}

static atomic_bool stop;

static void *churn(void *data)
{
    unsigned seed = *(const unsigned *)data;
    void *mem[500] = {NULL};

    while (!atomic_load(&stop)) {
        seed = seed * 1103515245 + 12345;
        unsigned i = (seed >> 8) % 500;
        free(mem[i]);
        mem[i] = malloc((seed >> 4) % (i % 8 != 0 ? 600 : 60000) + 1);
    }
    for (unsigned i = 0; i < 500; i++)
        free(mem[i]);
    return NULL;
}

static void churn_until_s(void)
{
    static unsigned seeds[2] = {1, 2};
    pthread_t threads[2];
    char byte = '\0';

    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, churn, &seeds[i]) != 0)
            _exit(4);
    }
    say("working\n");
    while (byte != 's' && read(STDIN_FILENO, &byte, 1) == 1)
        continue;
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    say("stopped\n");
}

static void split(void)
{
    char line[32];
    char byte;
    pid_t child = fork();

    if (child == 0) {
        held[nr_held++] = malloc(100);
        snprintf(line, sizeof line, "%d\n", (int)getpid());
        say(line);
        if (read(STDIN_FILENO, &byte, 1) < 0)
            _exit(3);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    say("joined\n");
}

int main(void)
{
    char command;

    free(malloc(1));
    say("ready\n");
    while (read(STDIN_FILENO, &command, 1) == 1 && command != 'q') {
        if (command == 'h')
            hold();
        else if (command == 'd')
            drop();
        else if (command == 'p')
            hold_pages();
        else if (command == 'r')
            remote();
        else if (command == 'f')
            split();
        else if (command == 'w')
            churn_until_s();
    }
    return 0;
}
