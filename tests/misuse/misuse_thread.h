/* SPDX-License-Identifier: MIT */
#ifndef MISUSE_THREAD_H
#define MISUSE_THREAD_H
/*
 * A free by another thread, for the misuse programs that need one.
 */
#include "misuse.h"

#include <pthread.h>

static inline void *free_it(void *mem)
{
    free(mem);
    return NULL;
}

/* Returns when the other thread has ended. */
static inline void free_in_a_thread(void *mem)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, free_it, mem) != 0) {
        no_misuse("no thread");
    }
    pthread_join(thread, NULL);
}

#endif
