/* SPDX-License-Identifier: MIT */
/* expect: abort "corrupted|double free" in [a-z_]+ anywhere */
/* slabs: through */
/* attack: 28 */
/* Links of objects that another thread freed, on their way home. */
#include "misuse.h"

#include <pthread.h>

enum {
    N = 2000,
};

static struct {
    _Alignas(16) unsigned char bytes[256];
} target;

static void *free_all(void *data)
{
    void **mem = data;
    for (int i = 0; i < N; i++) {
        free(mem[i]);
    }
    return NULL;
}

int main(void)
{
    static void *mem[N];
    pthread_t thread;
    for (int i = 0; i < N; i++) {
        mem[i] = block(SLAB_SIZE);
    }
    if (pthread_create(&thread, NULL, free_all, mem) != 0) {
        no_misuse("no thread");
    }
    pthread_join(thread, NULL);
    victim(mem[0]);
    const void *leads_to = &target;
    for (int i = 0; i < N; i++) {
        memcpy(launder(mem[i]), &leads_to, sizeof(leads_to));
    }
    for (int i = 0; i < 4 * N; i++) {
        if (launder(malloc(SLAB_SIZE)) == (void *)&target) {
            succeeded("malloc returned the target");
        }
    }
    return 0;
}
