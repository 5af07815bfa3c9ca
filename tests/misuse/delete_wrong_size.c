/* SPDX-License-Identifier: MIT */
/* expect: through */
/* hardened: abort "invalid size" in operator.delete */
/* attack: 23 */
/* A sized delete through a base class without a virtual destructor. */
#include "misuse.h"

#include <dlfcn.h>

int main(void)
{
    void *(*make)(size_t size) = NULL;
    void (*give)(void *mem, size_t size) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "_Znwm");
    memcpy(&make, &found, sizeof(make));
    found = dlsym(RTLD_DEFAULT, "_ZdlPvm");
    memcpy(&give, &found, sizeof(give));
    if (make == NULL || give == NULL) {
        no_misuse("no operators");
    }
    void *mem = make(400);
    give(victim(mem), 16);
    succeeded("400 bytes went as 16");
}
