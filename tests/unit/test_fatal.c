/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/debug.h"

static void describe(UNUSED const void *mem, char *text, size_t size)
{
    snprintf(text, size, " (described)");
}

TEST_DIES(fatal, says_what_and_where, "liballoc: free(): no good: 0x1230\n")
{
    fatal("no good", (void *)0x1230);
}

TEST_DIES(fatal, names_the_entry, "liballoc: realloc(): no good: 0x10\n")
{
    entry_name = "realloc";
    fatal("no good", (void *)16);
}

TEST_DIES(fatal, adds_what_the_upper_layers_know,
          "liballoc: free(): no good: 0x10 (described)\n")
{
    fatal_describe = describe;
    fatal("no good", (void *)16);
}

TEST_DIES(fatal, describes_no_null, "liballoc: free(): no good: 0x0\n")
{
    fatal_describe = describe;
    fatal("no good", NULL);
}

TEST_DIES(fatal, a_failed_assertion_says_where,
          "liballoc: assertion failed: 1 > 2 (file.c:34)\n")
{
    assert_fail("1 > 2", "file.c", 34);
}
