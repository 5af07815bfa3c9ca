/* SPDX-License-Identifier: MIT */
/*
 * heaps KIND [SIZE]: makes a heap, says "ready", and waits for its stdin.
 *
 *   small        a few blocks of each kind, the same on every run
 *   fragmented   SIZE MiB in 4 threads, 90 % freed at random, some again
 *   many         SIZE thousand chunks, every seventh freed
 *   busy         allocates until it is killed, 2 threads
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    THREADS = 4,
    MIB = 1 << 20,
};

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 8;
}

/* Sizes as programs ask for them: many small ones, few large. */
static size_t some_size(unsigned *seed)
{
    unsigned kind = next(seed) % 100;

    if (kind < 80)
        return 16 + next(seed) % 240;
    if (kind < 98)
        return 256 + next(seed) % 4000;
    return 8192 + next(seed) % 120000;
}

static void *touched(size_t size)
{
    void *mem = malloc(size);

    if (mem == NULL)
        _exit(4);
    return memset(mem, 1, size);
}

static pthread_barrier_t done; /* all threads have filled their heaps */

struct work {
    size_t bytes;
    unsigned seed;
};

/* Fill, free nine of ten at random, then ask for an eighth again. */
static void *fragment(void *data)
{
    const struct work *work = data;
    unsigned seed = work->seed;
    size_t room = work->bytes / 64;
    void **held = touched(room * sizeof *held);
    size_t count = 0;

    for (size_t bytes = 0; bytes < work->bytes && count < room; count++) {
        size_t size = some_size(&seed);
        held[count] = touched(size);
        bytes += size;
    }
    for (size_t i = 0; i < count; i++) {
        if (next(&seed) % 10 != 0) {
            free(held[i]);
            held[i] = NULL;
        }
    }
    for (size_t i = 0; i < count / 8; i++)
        (void)touched(some_size(&seed));
    (void)pthread_barrier_wait(&done);
    for (;;)
        pause();
    return held;
}

static void fragmented(size_t mib)
{
    static struct work works[THREADS];
    pthread_t thread;

    pthread_barrier_init(&done, NULL, THREADS + 1);
    for (unsigned i = 0; i < THREADS; i++) {
        works[i] = (struct work){mib * MIB / THREADS, i + 1};
        if (pthread_create(&thread, NULL, fragment, &works[i]) != 0)
            _exit(4);
    }
    (void)pthread_barrier_wait(&done);
}

static void many(size_t thousands)
{
    size_t count = thousands * 1000;
    void **held = calloc(count, sizeof *held);

    for (size_t i = 0; held != NULL && i < count; i++)
        held[i] = malloc(16 + i % 3 * 16);
    for (size_t i = 0; held != NULL && i < count; i += 7)
        free(held[i]);
    free(held);
}

static void small(void)
{
    void *held[256];

    for (unsigned i = 0; i < 256; i++)
        held[i] = touched(4096);
    for (unsigned i = 0; i < 256; i++) {
        if (i % 4 != 0)
            free(held[i]);
    }
    (void)touched(3 * MIB);
    (void)malloc(8 * (size_t)MIB);
}

static void *busy(void *data)
{
    unsigned seed = *(const unsigned *)data;
    void *held[1000] = {NULL};

    for (;;) {
        unsigned i = next(&seed) % 1000;
        free(held[i]);
        held[i] = touched(some_size(&seed));
        if (i == 0)
            usleep(1000);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const char *kind = argc > 1 ? argv[1] : "small";
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
    static unsigned seeds[2] = {1, 2};
    pthread_t thread;
    char byte;

    if (strcmp(kind, "fragmented") == 0) {
        fragmented(size);
    } else if (strcmp(kind, "many") == 0) {
        many(size);
    } else if (strcmp(kind, "busy") == 0) {
        for (unsigned i = 0; i < 2; i++) {
            if (pthread_create(&thread, NULL, busy, &seeds[i]) != 0)
                return 4;
        }
    } else {
        small();
    }
    (void)puts("ready");
    (void)fflush(stdout);
    return read(STDIN_FILENO, &byte, 1) < 0;
}
