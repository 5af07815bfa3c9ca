/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: abort "invalid size|invalid alignment" in operator.delete */
/* attack: 23 */
/* Aligned new, delete with another alignment. */
#include "misuse.h"

#include <dlfcn.h>

int main(void)
{
    void (*give)(void *mem, size_t size, size_t align) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "_ZdlPvmSt11align_val_t");
    memcpy(&give, &found, sizeof(give));
    if (give == NULL) {
        no_misuse("no operators");
    }
    void *mem = NULL;
    do {
        mem = block(1000);
    } while ((uintptr_t)mem % 4096 == 0);
    give(victim(mem), 1000, 4096);
    succeeded("a block that is not aligned went as one that is");
}
