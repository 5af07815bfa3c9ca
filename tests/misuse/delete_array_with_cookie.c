/* SPDX-License-Identifier: MIT */
/* expect: abort "invalid pointer" in free|operator.delete */
/* attack: 24 */
/* new[] of a class with a destructor, then delete: the start differs. */
#include "misuse.h"

#include <dlfcn.h>

int main(void)
{
    void *(*make)(size_t size) = NULL;
    void (*give)(void *mem) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "_Znam");
    memcpy(&make, &found, sizeof(make));
    found = dlsym(RTLD_DEFAULT, "_ZdlPv");
    memcpy(&give, &found, sizeof(give));
    if (make == NULL || give == NULL) {
        no_misuse("no operators");
    }
    char *array = make(8 + 5 * 100);
    give(victim(array + 8));
    return 0;
}
