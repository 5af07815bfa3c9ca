/* SPDX-License-Identifier: MIT */
#include "base/debug.h"
#include "base/print.h"

#include <stdlib.h>

TLS_IE const char *entry_name = "free";

void fatal(const char *what, const void *mem)
{
    print_stderr("liballoc: %s(): %s: %p\n", entry_name, what, mem);
    abort();
}

void assert_fail(const char *what, const char *file, int line)
{
    print_stderr("liballoc: assertion failed: %s (%s:%d)\n", what, file, line);
    abort();
}
