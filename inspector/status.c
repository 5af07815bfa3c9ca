/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>

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
