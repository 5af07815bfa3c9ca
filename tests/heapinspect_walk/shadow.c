/* SPDX-License-Identifier: MIT */
/*
 * The process that is looked at, with a record of its own of what is live.
 * Run with liballoc preloaded:
 *
 *   shadow PATTERN SLOTS RECORD
 *
 * Threads fill and empty SLOTS slots by the pattern, then rest; the record
 * goes to the file; "ready" to stdout.  It ends when stdin does.  Pattern
 * "busy" says "ready" at once and works on until then.
 */
#include "shadow.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    THREADS = 4,
    ROUNDS = 4,     /* operations a slot */
    FOREIGN = 8,    /* one in so many is on another thread's slot */
    FREED = 1 << 18 /* addresses a thread remembers */
};

/* What one request in `of` draws: sizes up to `max`, even over the orders. */
struct draw {
    unsigned of;
    size_t min;
    size_t max;
};

struct pattern {
    const char *name;
    unsigned keep; /* at the end one in so many slots stays; 0: as they are */
    struct draw draws[4];
};

static const struct pattern patterns[] = {
    {"mixed",
     0,
     {{1000, 1 << 20, 8 << 20},
      {100, 16 << 10, 1 << 20},
      {5, 512, 16 << 10},
      {1, 1, 512}}},
    {"small", 0, {{1, 1, 256}}},
    {"chunks", 0, {{1, 4096, 200 << 10}}},
    {"large", 0, {{1, 200 << 10, 16 << 20}}},
    {"sparse", 64, {{4, 600, 6000}, {1, 16, 512}}},
    {"burst", 1 << 20, {{1, 16, 2048}}},
    {"busy", 0, {{50, 4096, 100 << 10}, {1, 1, 1024}}},
};

static const struct pattern *pattern;
static size_t nslots;
static struct slot {
    _Atomic uintptr_t mem; /* 0: empty; 1: somebody is at it */
    size_t size;
} * slots;
static uintptr_t *freed[THREADS];
static size_t nfreed[THREADS];
static pthread_barrier_t rest;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t draw_size(uint64_t *state)
{
    const struct draw *draw = pattern->draws;

    while (next_random(state) % draw->of != 0)
        draw++;
    unsigned low = 63u - (unsigned)__builtin_clzl(draw->min);
    unsigned high = 63u - (unsigned)__builtin_clzl(draw->max);
    unsigned order = low + (unsigned)(next_random(state) % (high - low + 1));
    size_t size = ((size_t)1 << order) +
                  (next_random(state) & (((size_t)1 << order) - 1));
    size = size < draw->min ? draw->min : size;
    return size > draw->max ? draw->max : size;
}

static void empty_slot(struct slot *slot, uintptr_t mem, unsigned self)
{
    if (nfreed[self] < FREED)
        freed[self][nfreed[self]++] = mem;
    free((void *)mem);
    atomic_store(&slot->mem, 0);
}

static void fill_slot(struct slot *slot, uint64_t *state)
{
    slot->size = draw_size(state);
    unsigned char *mem = malloc(slot->size);
    if (mem == NULL)
        _exit(4);
    /* Large ones are touched in part only: the kernel holds no more. */
    memset(mem, 0xa5, slot->size < 65536 ? slot->size : slot->size / 2);
    atomic_store(&slot->mem, (uintptr_t)mem);
}

static void work_once(unsigned self, uint64_t *state)
{
    size_t part = nslots / THREADS;
    size_t index = next_random(state) % part;
    unsigned whose = self;

    if (next_random(state) % FOREIGN == 0)
        whose = (unsigned)(next_random(state) % THREADS);
    struct slot *slot = &slots[whose * part + index];
    uintptr_t old = atomic_exchange(&slot->mem, 1);
    if (old == 1)
        return; /* its holder stores what becomes of it */
    if (old == 0) {
        fill_slot(slot, state);
    } else {
        empty_slot(slot, old, self);
    }
}

/* Drops all but one in `keep` slots of the thread's part. */
static void thin_out(unsigned self)
{
    size_t part = nslots / THREADS;

    for (size_t i = 0; i < part; i++) {
        struct slot *slot = &slots[self * part + i];
        if (slot->mem != 0 && i % pattern->keep != 0)
            empty_slot(slot, slot->mem, self);
    }
}

static void *work(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;
    uint64_t state = 0x9e3779b97f4a7c15u + self;
    bool forever = strcmp(pattern->name, "busy") == 0;

    for (size_t i = 0; forever || i < nslots / THREADS * ROUNDS; i++)
        work_once(self, &state);
    pthread_barrier_wait(&rest);
    if (pattern->keep != 0)
        thin_out(self);
    pthread_barrier_wait(&rest);
    while (pause() != 0)
        ;
    return NULL;
}

static void *map(size_t size)
{
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (mem == MAP_FAILED)
        _exit(5);
    return mem;
}

static void start(void)
{
    pthread_t thread;

    slots = map(nslots * sizeof *slots);
    pthread_barrier_init(&rest, NULL, THREADS + 1);
    for (uintptr_t i = 0; i < THREADS; i++)
        freed[i] = map(FREED * sizeof *freed[i]);
    for (uintptr_t i = 0; i < THREADS; i++) {
        if (pthread_create(&thread, NULL, work, (void *)i) != 0)
            _exit(6);
    }
}

static void put(int file, uintptr_t mem, size_t size)
{
    struct shadow_record record = {mem, size};

    if (write(file, &record, sizeof record) != sizeof record)
        _exit(7);
}

static void write_record(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    for (size_t i = 0; i < nslots; i++) {
        if (slots[i].mem > 1)
            put(file, slots[i].mem, slots[i].size);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        for (size_t i = 0; i < nfreed[t]; i++)
            put(file, freed[t][i], 0);
    }
    if (close(file) != 0)
        _exit(8);
}

int main(int argc, char **argv)
{
    char byte;

    if (argc != 4)
        return 2;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        if (strcmp(argv[1], patterns[i].name) == 0)
            pattern = &patterns[i];
    }
    nslots = strtoul(argv[2], NULL, 10) / THREADS * THREADS;
    if (pattern == NULL || nslots == 0)
        return 2;
    start();
    if (strcmp(pattern->name, "busy") != 0) {
        pthread_barrier_wait(&rest);
        pthread_barrier_wait(&rest);
        write_record(argv[3]);
    }
    if (write(STDOUT_FILENO, "ready\n", 6) != 6)
        return 3;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    _exit(0);
}
