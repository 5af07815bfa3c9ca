/* SPDX-License-Identifier: MIT */
#include "base/debug.h"
#include "base/print.h"

#include <stdlib.h>

TLS_IE const char *entry_name = "free";

void (*fatal_describe)(const void *mem, char *text, size_t size);

void fatal(const char *what, const void *mem)
{
    char text[96] = "";

    if (fatal_describe != NULL && mem != NULL)
        fatal_describe(mem, text, sizeof text);
    print_stderr("liballoc: %s(): %s: %p%s\n", entry_name, what, mem, text);
    abort();
}

void assert_fail(const char *what, const char *file, int line)
{
    print_stderr("liballoc: assertion failed: %s (%s:%d)\n", what, file, line);
    abort();
}
