/* SPDX-License-Identifier: MIT */
#include "symbol/internal.h"

#include <libiberty/demangle.h>
#include <string.h>

enum { LENGTH_MAX = 4096 }; /* names are the target's word */

/* Without parameters: overloads of a function are one site. */
char *demangle(const char *name)
{
    char *text = NULL;

    if (strlen(name) > LENGTH_MAX)
        return NULL;
    if (strncmp(name, "_R", 2) == 0 || strncmp(name, "_ZN", 3) == 0)
        text = rust_demangle(name, DMGL_NO_OPTS);
    if (text == NULL && strncmp(name, "_Z", 2) == 0)
        text = cplus_demangle_v3(name, DMGL_NO_OPTS);
    return text;
}
