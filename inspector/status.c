/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

enum status fail(struct failure *failure, enum status status,
                 const char *format, ...)
{
    va_list args;

    if (failure == NULL)
        return status;
    failure->status = status;
    va_start(args, format);
    (void)vsnprintf(failure->text, sizeof failure->text, format, args);
    va_end(args);
    return status;
}

bool is_replaceable(const char *path, struct failure *failure)
{
    struct stat about;

    if (lstat(path, &about) != 0 || S_ISREG(about.st_mode))
        return true;
    (void)fail(failure, STATUS_USAGE, "%.200s is no plain file: not replaced",
               path);
    return false;
}
