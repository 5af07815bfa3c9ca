/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool parse_number(const char *text, uint64_t *number)
{
    static const char suffixes[] = "KMGT";
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *text == '-')
        return false;
    const char *suffix = *end != '\0' ? strchr(suffixes, *end & ~0x20) : NULL;
    if (suffix != NULL && *suffix != '\0') {
        unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (*number > UINT64_MAX >> shift)
            return false;
        *number <<= shift;
        end++;
        if (*end == 'i')
            end++;
        if (*end == 'B')
            end++;
    }
    return *end == '\0';
}
