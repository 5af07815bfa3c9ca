/* SPDX-License-Identifier: MIT */
/* Loaded by test_places: allocates where the loader holds its lock. */
#include <stdlib.h>

static __thread char *per_thread;
void *plugin_kept;

static __attribute__((constructor)) void at_load(void)
{
    plugin_kept = malloc(1000);
}

static __attribute__((destructor)) void at_unload(void)
{
    free(plugin_kept);
}

/* Its first call in a thread makes the thread's copy of `per_thread`. */
void *plugin_touch(void)
{
    free(per_thread);
    per_thread = malloc(300);
    return per_thread;
}
