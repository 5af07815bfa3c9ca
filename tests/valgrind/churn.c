/* SPDX-License-Identifier: MIT */
/*
 * A small program for memcheck: blocks of all kinds come, move and go, from
 * two threads.  Linked with libc alone; liballoc is preloaded.
 */
#include "black_box.h"

#include <pthread.h>

enum { BLOCKS = 400, ROUNDS = 12 };

static void *churn(void *unused)
{
    void *blocks[BLOCKS];

    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            size_t size = 1 + i * i * 37 % 70000;
            blocks[i] = i % 9 == 0
                            ? aligned_alloc(64, 64 + (size & ~(size_t)63))
                            : malloc(size);
            memset(blocks[i], (int)i, size);
        }
        for (size_t i = 0; i < BLOCKS; i += 2) {
            blocks[i] = realloc(blocks[i], 100 + i * 50);
        }
        for (size_t i = 0; i < BLOCKS; i++) {
            free(blocks[i]);
        }
        char *zeroed = calloc(1 + round, 700000);
        if (zeroed == NULL || zeroed[699999] != 0) {
            _exit(1);
        }
        free(zeroed);
    }
    return unused;
}

int main(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, churn, NULL) != 0) {
        return 1;
    }
    churn(NULL);
    return pthread_join(thread, NULL);
}
