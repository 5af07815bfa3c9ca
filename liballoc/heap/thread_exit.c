/* SPDX-License-Identifier: MIT */
#include "heap/thread_exit.h"

#include "heap/registry.h"
#include "heap/remote.h"

#include <pthread.h>

static pthread_key_t key;
static bool key_exists;
static TLS_IE bool ended; /* the destructor has run */

bool thread_has_ended(void)
{
    return ended;
}

static void thread_exit(void *data)
{
    struct heap *heap = data;

    ended = true;
    remote_flush(heap);
    thread_own = NULL;
    registry_retire(heap);
}

void thread_exit_init(void)
{
    key_exists = pthread_key_create(&key, thread_exit) == 0;
}

void thread_exit_arm(struct heap *heap)
{
    if (key_exists)
        pthread_setspecific(key, heap);
}
