/* SPDX-License-Identifier: MIT */
/*
 * A library that phases.c needs: its constructor runs before the program's,
 * its destructor after them.
 */
#include <stdlib.h>
#include <string.h>

#include "phases.h"

static char *kept;

/* Before any constructor without a priority. */
__attribute__((constructor(101))) static void first_of_all(void)
{
    kept = malloc(3000);
    memset(kept, 9, 3000);
}

char *phases_library_block(void)
{
    return kept;
}

__attribute__((destructor(101))) static void last_of_all(void)
{
    char *more = realloc(kept, 300000);

    phases_expect(more != NULL && more[2999] == 9, "a destructor");
    free(more);
    phases_end();
}
