/* SPDX-License-Identifier: MIT */
/*
 * Guarded samples in every state: with LIBALLOC_CONF=guard_sample:1 each block
 * is one.  It prints "NAME ADDRESS SIZE" a block, then "ready", and waits for
 * lines: "overrun" writes behind the block `held`; "crash" reads the freed one.
 *
 * Of what it loses it keeps no pointer: addresses are inverted.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Static: as a thread's variables, they end with it. */
static char *held;
static uintptr_t freed;

static void say(const char *name, uintptr_t inverted, size_t size)
{
    char line[96];
    int length = snprintf(line, sizeof line, "%s 0x%jx %zu\n", name,
                          (uintmax_t)~inverted, size);

    if (write(STDOUT_FILENO, line, (size_t)length) < 0)
        _exit(3);
}

static struct {
    const char *name;
    uintptr_t inverted;
    size_t size;
} said[16];
static unsigned nr_said;

static void *block(const char *name, size_t size)
{
    void *mem = calloc(1, size);

    if (mem == NULL)
        abort();
    said[nr_said].name = name;
    said[nr_said].inverted = ~(uintptr_t)mem;
    said[nr_said++].size = size;
    return mem;
}

/* A thread's very first call is never sampled. */
static void begin(void)
{
    free(block("warm", 1));
    nr_said--;
}

static void *lose(void *data)
{
    (void)data;
    begin();
    (void)block("lost", 100);
    void **head = block("lost", 48);
    head[1] = block("behind", 200);
    void **left = block("cycle", 64);
    void **right = block("cycle", 80);
    left[0] = right;
    right[1] = left;
    void *gone = block("freed", 40);
    freed = ~(uintptr_t)gone;
    free(gone);
    return NULL;
}

int main(void)
{
    char line[32];
    pthread_t thread;

    (void)setvbuf(stdin, NULL, _IONBF, 0);
    begin();
    held = block("held", 100);
    /* Points to one that is no sample, and is pointed to by none. */
    void *large = block("large", 9000);
    memcpy(held, &large, sizeof large);
    large = NULL;
    memset(held + 16, 0xa5, 64);
    if (pthread_create(&thread, NULL, lose, NULL) != 0)
        return 3;
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < nr_said; i++)
        say(said[i].name, said[i].inverted, said[i].size);
    say("ready", 0, 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "overrun\n") == 0)
            held[100] = 1;
        if (strcmp(line, "crash\n") == 0)
            return *(volatile char *)~freed;
        say("done", 0, 0);
    }
    return 0;
}
