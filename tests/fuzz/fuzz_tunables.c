/* SPDX-License-Identifier: MIT */
/*
 * LIBALLOC_CONF and glibc's MALLOC_* variables: whatever they say, every
 * tunable stays within its bounds, and what is complained of is in the text.
 * Lines of an input are variables; the first is LIBALLOC_CONF's value too.
 */
#include "base/tunables.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { VARIABLES = 16 };

static const char *conf;

static void complain(const char *why, const char *item, size_t len)
{
    if (*why == '\0' || item < conf || item + len > conf + strlen(conf))
        abort();
}

static void check_bounds(void)
{
    for (size_t i = 0; i < tunable_count; i++) {
        size_t value = tunable_value(&tunable_table[i]);
        if (value < tunable_table[i].min || value > tunable_table[i].max)
            abort();
    }
}

static void set_defaults(void)
{
    for (size_t i = 0; i < tunable_count; i++) {
        if (!tunable_assign(&tunable_table[i], tunable_table[i].initial))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *environment[VARIABLES + 1] = {NULL};
    size_t count = 0;
    char *text = calloc(size + 1, 1);

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    for (char *line = text; line != NULL && count < VARIABLES;) {
        environment[count++] = line;
        line = strchr(line, '\n');
        if (line != NULL)
            *line++ = '\0';
    }
    set_defaults();
    conf = text;
    tunables_parse(text, complain);
    check_bounds();
    set_defaults();
    tunables_read_environment(environment, false);
    check_bounds();
    free(text);
    return 0;
}
