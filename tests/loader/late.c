/* SPDX-License-Identifier: MIT */
/*
 * late LIBRARY local|global: a program on glibc's malloc loads liballoc when
 * it is long running.  Both allocators live side by side, on one break, in
 * several threads.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 400 };

struct family {
    void *(*malloc)(size_t size);
    void *(*realloc)(void *mem, size_t size);
    void (*free)(void *mem);
};

static struct family other;

static void *load(void *library, const char *name)
{
    void *symbol = dlsym(library, name);

    if (symbol == NULL) {
        printf("no %s in it\n", name);
        exit(1);
    }
    return symbol;
}

static void check(const unsigned char *mem, size_t i, const char *whose)
{
    if (mem == NULL || mem[0] != i % 256 || mem[i * 90] != i % 256) {
        printf("block %zu of %s is not what it was\n", i, whose);
        exit(1);
    }
}

static unsigned char *filled(void *mem, size_t i)
{
    return mem != NULL ? memset(mem, (int)(i % 256), i * 90 + 1) : NULL;
}

/* Blocks of both in turn, each freed by its own. */
static void *side_by_side(void *unused)
{
    unsigned char *ours[BLOCKS];
    unsigned char *theirs[BLOCKS];

    for (int round = 0; round < 8; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            ours[i] = filled(other.malloc(i * 90 + 1), i);
            theirs[i] = filled(malloc(i * 90 + 1), i);
        }
        for (size_t i = 0; i < BLOCKS; i += 3) {
            ours[i] = other.realloc(ours[i], i * 190 + 1);
            theirs[i] = realloc(theirs[i], i * 190 + 1);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            check(ours[i], i, "liballoc's");
            check(theirs[i], i, "glibc's");
            other.free(ours[i]);
            free(theirs[i]);
        }
    }
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread[4];

    if (argc != 3) {
        return 2;
    }
    void *early = filled(malloc(50 * 90 + 1), 50);
    int scope = strcmp(argv[2], "local") == 0 ? RTLD_LOCAL : RTLD_GLOBAL;
    void *library = dlopen(argv[1], RTLD_NOW | scope);
    if (library == NULL) {
        printf("%s\n", dlerror());
        return 1;
    }
    void *symbol = load(library, "malloc");
    memcpy(&other.malloc, &symbol, sizeof(symbol));
    symbol = load(library, "realloc");
    memcpy(&other.realloc, &symbol, sizeof(symbol));
    symbol = load(library, "free");
    memcpy(&other.free, &symbol, sizeof(symbol));
    side_by_side(NULL);
    for (int i = 0; i < 4; i++) {
        pthread_create(&thread[i], NULL, side_by_side, NULL);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
    }
    /* Threads that used it end after this; the library must still be there. */
    dlclose(library);
    pthread_create(&thread[0], NULL, side_by_side, NULL);
    pthread_join(thread[0], NULL);
    check(early, 50, "glibc's");
    free(early);
    puts("both allocators, side by side");
    return 0;
}
