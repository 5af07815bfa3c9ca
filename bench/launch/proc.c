/* SPDX-License-Identifier: MIT */
/* What /proc tells of a process that is about to end. */
#include "launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *proc_open(pid_t pid, const char *name)
{
    char path[64];
    int length = snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return length < (int)sizeof path ? fopen(path, "re") : NULL;
}

/* True and the number when the line starts with `key`. */
static bool line_number(const char *line, const char *key, uint64_t *value)
{
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0)
        return false;
    *value = strtoull(line + length, NULL, 10);
    return true;
}

static void read_status(pid_t pid, struct process_end *end)
{
    FILE *file = proc_open(pid, "status");
    if (!file)
        return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        if (!line_number(line, "VmHWM:", &end->peak_kib))
            line_number(line, "RssAnon:", &end->anon_kib);
    }
    (void)fclose(file);
}

static bool is_mapped(pid_t pid, const char *library)
{
    FILE *file = proc_open(pid, "maps");
    if (!file)
        return false;
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    while (!found && getline(&line, &room, file) > 0) {
        const char *path = strchr(line, '/');
        size_t length = strlen(library);
        found = path && strncmp(path, library, length) == 0 &&
                (path[length] == '\n' || path[length] == ' ');
    }
    free(line);
    (void)fclose(file);
    return found;
}

struct process_end process_read(pid_t pid, const char *library)
{
    struct process_end end = {0};
    read_status(pid, &end);
    end.mapped = library && is_mapped(pid, library);
    return end;
}
