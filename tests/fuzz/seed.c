/* SPDX-License-Identifier: MIT */
/*
 * A small heap with some of everything, for the seeds: says "ready" and
 * rests until its input ends; then it aborts, for a core.
 */
#include "liballoc.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SMALL = 160, /* of a class: more than its bin holds */
    SIZES = 14,  /* 16 bytes to 128 KiB */
    KIB = 1024,
};

static void *small[SMALL];
static void *sizes[SIZES];
static void *theirs[SMALL];
static sem_t done;

/* Lives on, with what it holds: some of it main() frees. */
static void *other(void *unused)
{
    sem_t never;

    for (int i = 0; i < SMALL; i++)
        theirs[i] = malloc(i % 2 == 0 ? 48 : 3000);
    sem_post(&done);
    sem_init(&never, 0, 0);
    while (sem_wait(&never) != 0)
        continue;
    return unused;
}

/* Its heap goes idle, with objects that live on. */
static void *passing(void *unused)
{
    for (int i = 0; i < SIZES; i++)
        sizes[i] = malloc((size_t)16 << i);
    return unused;
}

static void use_threads(void)
{
    pthread_t thread;

    sem_init(&done, 0, 0);
    pthread_create(&thread, NULL, passing, NULL);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, other, NULL);
    while (sem_wait(&done) != 0)
        continue;
    for (int i = 0; i < SMALL; i += 3)
        free(theirs[i]);
    for (int i = 0; i < SIZES; i += 3)
        free(sizes[i]);
}

/* Bins, their spare chains, slabs partly full. */
static void use_bins(void)
{
    for (size_t size = 16; size <= 512; size *= 4) {
        for (int i = 0; i < SMALL; i++)
            small[i] = malloc(size);
        for (int i = 0; i < SMALL; i++) {
            if (i % 5 != 0)
                free(small[i]);
        }
    }
}

static void use_large(void)
{
    void *mem[6];

    for (size_t i = 0; i < 6; i++)
        mem[i] = malloc((300 + i * 100) * KIB);
    for (size_t i = 0; i < 6; i += 2)
        free(mem[i]);
}

static void use_pages(void)
{
    struct liballoc_cache *cache =
        liballoc_cache_create("seed", 200, 0, 0, NULL);
    void *objects[40];

    for (int i = 0; i < 40; i++)
        objects[i] = liballoc_cache_alloc(cache, 0);
    for (int i = 0; i < 40; i += 2)
        liballoc_cache_free(cache, objects[i]);
    for (unsigned order = 0; order < 4; order++)
        (void)liballoc_pages_alloc(order, 0);
}

int main(void)
{
    char byte;

    use_threads();
    use_bins();
    use_large();
    use_pages();
    if (write(STDOUT_FILENO, "ready\n", 6) != 6)
        return 1;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    abort();
}
