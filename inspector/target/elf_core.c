/* SPDX-License-Identifier: MIT */
#include "target/backend.h"

bool elf_core_open(struct target *target, const char *path,
                   struct failure *failure)
{
    (void)target;
    (void)fail(failure, STATUS_USAGE, "%s: cores are not read yet", path);
    return false;
}
