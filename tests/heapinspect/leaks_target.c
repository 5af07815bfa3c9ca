/* SPDX-License-Identifier: MIT */
/*
 * A program that leaks 50 blocks of every kind, and holds others in every way
 * that a block can be held.  It prints "KIND ADDRESS SIZE" a block, where KIND
 * is direct, indirect, cycle or held; then "ready".  It waits for a line, or,
 * with an argument, ends at once: for the check at exit.
 *
 * It knows where the lost ones are, but keeps no pointer: addresses are
 * inverted.  They are planted by threads that have ended, or deeper in the
 * stack than it ever comes again.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Stacks name it. */
#define NOINLINE __attribute__((noinline))

enum { PLANTED_MAX = 128 };

static struct {
    uintptr_t inverted;
    size_t size;
    const char *kind;
} planted[PLANTED_MAX];
static unsigned nr_planted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(const char *kind, const void *mem, size_t size)
{
    pthread_mutex_lock(&lock);
    planted[nr_planted].inverted = ~(uintptr_t)mem;
    planted[nr_planted].size = size;
    planted[nr_planted++].kind = kind;
    pthread_mutex_unlock(&lock);
}

/* Zeroed: what was there before leads nowhere. */
static void **block(const char *kind, size_t size)
{
    void **mem = calloc(1, size);

    if (mem == NULL)
        abort();
    note(kind, mem, size);
    return mem;
}

static NOINLINE void lose_direct(void)
{
    static const size_t sizes[] = {16,    24,     100,    1000,    3000,   5000,
                                   20000, 100000, 300000, 2000000, 9000000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        (void)block("direct", sizes[i]);
}

static NOINLINE void lose_indirect(void)
{
    static const size_t sizes[] = {24, 3000, 300000, 9000000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void **head = block("direct", sizes[i]);
        head[1] = block("indirect", sizes[i]);
    }
    /* Only interior pointers lead on. */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void **head = block("direct", 48);
        head[3] = (char *)block("indirect", sizes[i]) + sizes[i] - 3;
    }
}

static NOINLINE void lose_cycles(void)
{
    static const size_t sizes[] = {64, 5000, 300000};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void **left = block("cycle", sizes[i]);
        void **right = block("cycle", sizes[i]);
        left[0] = right;
        right[1] = left;
    }
    void **one = block("cycle", 40);
    void **two = block("cycle", 4000);
    void **three = block("cycle", 400000);
    one[1] = two;
    two[1] = three;
    three[1] = (char *)one + 20;
    for (size_t size = 32; size < 100000; size = size * 500) {
        void **self = block("direct", size);
        self[2] = self;
    }
}

/* What a freed block still points to is lost. */
static NOINLINE void lose_behind_freed(void)
{
    for (int i = 0; i < 2; i++) {
        void **freed = malloc(i == 0 ? 200 : 30000);
        freed[5] = block("direct", 120);
        free(freed);
    }
}

static __thread void *volatile thread_kept[3];

static void *lose_in_thread(void *data)
{
    (void)data;
    lose_direct();
    lose_indirect();
    lose_cycles();
    lose_behind_freed();
    /* In its own variables, which end with it. */
    for (int i = 0; i < 3; i++)
        thread_kept[i] = block("direct", 700);
    void **volatile local[3];
    for (int i = 0; i < 3; i++)
        local[i] = block("direct", 70000);
    return local[1] != NULL ? NULL : data;
}

static sem_t here;
static sem_t leave;

/* Lives on: what it lost is lost all the same. */
static NOINLINE void lose_and_go_on(void)
{
    for (int i = 0; i < 4; i++)
        (void)block("direct", (size_t)100 << 3 * i);
}

static NOINLINE void wipe(void)
{
    volatile char room[64 * 1024];

    for (size_t i = 0; i < sizeof room; i++)
        room[i] = 0;
}

static void *holds_and_loses(void *data)
{
    void **volatile mine = block("held", 800);

    (void)data;
    thread_kept[0] = block("held", 900);
    lose_and_go_on();
    wipe();
    sem_post(&here);
    sem_wait(&leave);
    return mine[0];
}

static void *volatile global_kept[2];
static void **volatile mapped;

static void hold(void)
{
    global_kept[0] = block("held", 33);
    global_kept[1] = (char *)block("held", 200000) + 199999;
    void **chain = global_kept[0];
    for (int i = 0; i < 3000; i++) {
        chain[0] = i % 1000 == 0 ? block("held", 50) : calloc(1, 50);
        chain = chain[0];
    }
    chain[1] = block("held", 5 << 20);
    mapped = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mapped[100] = block("held", 64);
    /* Read-only by now, as what the loader has relocated. */
    void **sealed = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sealed[7] = block("held", 65);
    mprotect(sealed, 1 << 16, PROT_READ);
    thread_kept[0] = block("held", 66);
}

static void say(void)
{
    for (unsigned i = 0; i < nr_planted; i++) {
        uintptr_t address = ~planted[i].inverted;
        char line[96];
        int length =
            snprintf(line, sizeof line, "%s 0x%jx %zu\n", planted[i].kind,
                     (uintmax_t)address, planted[i].size);
        if (write(STDOUT_FILENO, line, (size_t)length) < 0)
            _exit(3);
    }
    if (write(STDOUT_FILENO, "ready\n", 6) < 0)
        _exit(3);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    pthread_t living;
    char byte;

    (void)argv;
    sem_init(&here, 0, 0);
    sem_init(&leave, 0, 0);
    pthread_create(&thread, NULL, lose_in_thread, NULL);
    pthread_join(thread, NULL);
    pthread_create(&living, NULL, holds_and_loses, NULL);
    sem_wait(&here);
    hold();
    void **volatile kept = block("held", 77);
    say();
    wipe();
    if (argc == 1 && read(STDIN_FILENO, &byte, 1) < 0)
        return 3;
    return kept[0] != NULL;
}
