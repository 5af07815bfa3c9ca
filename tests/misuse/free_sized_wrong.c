/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid size" in free_sized */
/* attack: 23 */
/* The size given is not that of the block. */
#include "misuse.h"

#include <dlfcn.h>

int main(void)
{
    void (*give)(void *mem, size_t size) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "free_sized");
    memcpy(&give, &found, sizeof(give));
    if (give == NULL) {
        no_misuse("no free_sized");
    }
    void *mem = block(SLAB_SIZE);
    give(victim(mem), CHUNK_SIZE);
    return 0;
}
