/* SPDX-License-Identifier: MIT */
/* expect: abort "double free" */
/* Another thread frees it, then its owner. */
#include "misuse.h"

#include <pthread.h>

static void *free_it(void *mem)
{
    free(mem);
    return NULL;
}

static void free_in_a_thread(void *mem)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, free_it, mem) != 0) {
        no_misuse("no thread");
    }
    pthread_join(thread, NULL);
}

int main(void)
{
    void *mem = block(CHUNK_SIZE);
    free_in_a_thread(victim(mem));
    free(launder(mem));
    return 0;
}
