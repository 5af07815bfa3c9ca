/* SPDX-License-Identifier: MIT */
#include "kernel/stat.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIELDS = 52,
    FIRST = 4, /* the first number behind the name and the state */
};

bool stat_parse(const char *text, struct mm_layout *layout)
{
    uint64_t fields[FIELDS + 1] = {0};
    /* The name stands in parentheses and may hold some itself. */
    const char *at = text != NULL ? strrchr(text, ')') : NULL;

    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return false;
    layout->state = at[2];
    at += 3;
    for (int i = FIRST; i <= FIELDS && *at != '\0'; i++) {
        char *end;
        fields[i] = strtoull(at, &end, 10);
        if (end == at)
            break;
        at = end;
    }
    layout->minor_faults = fields[10];
    layout->major_faults = fields[12];
    layout->threads = fields[20];
    layout->start_time = fields[22];
    layout->start_code = fields[26];
    layout->end_code = fields[27];
    layout->start_stack = fields[28];
    layout->start_data = fields[45];
    layout->end_data = fields[46];
    layout->start_brk = fields[47];
    layout->arg_start = fields[48];
    layout->arg_end = fields[49];
    layout->env_start = fields[50];
    layout->env_end = fields[51];
    return true;
}

static const char *take_limit(const char *at, uint64_t *limit)
{
    char *end;

    at += strspn(at, " ");
    if (strncmp(at, "unlimited", 9) == 0) {
        *limit = UINT64_MAX;
        return at + 9;
    }
    *limit = strtoull(at, &end, 10);
    return end != at ? end : NULL;
}

bool limits_parse(const char *text, const char *name, uint64_t *soft,
                  uint64_t *hard)
{
    const char *at = text != NULL ? strstr(text, name) : NULL;

    if (at == NULL)
        return false;
    at = take_limit(at + strlen(name), soft);
    return at != NULL && take_limit(at, hard) != NULL;
}
