/* SPDX-License-Identifier: MIT */
/* bench_trace: records the allocation calls of a program, describes a trace. */
#include "bench_trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void help(void)
{
    dprintf(1, "usage: bench_trace record -o FILE [--all] [--max N] -- PROGRAM "
               "[ARGS...]\n"
               "       bench_trace info FILE\n"
               "  --all    each process that was recorded: FILE, FILE.1, ...\n"
               "  --max N  only the first N calls of each process\n"
               "exit status: 0 done, 1 nothing recorded, 2 wrong usage or no "
               "trace\n");
}

static int usage(const char *why, const char *what)
{
    dprintf(2, "bench_trace: %s%s (see bench_trace --help)\n", why, what);
    return 2;
}

static bool number(const char *text, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = text ? strtoull(text, &end, 10) : 0;
    return text && end != text && *end == 0 && errno == 0 && *value > 0;
}

static int record(char **args)
{
    struct record_options options = {.file = NULL};
    for (; *args && strcmp(*args, "--") != 0; args++) {
        if (strcmp(*args, "--all") == 0) {
            options.all = true;
        } else if (strcmp(*args, "-o") == 0 && args[1]) {
            options.file = *++args;
        } else if (strcmp(*args, "--max") == 0 &&
                   number(args[1], &options.max)) {
            args++;
        } else {
            return usage("bad option ", *args);
        }
    }
    if (!options.file)
        return usage("which file? -o FILE", "");
    if (!*args || !args[1])
        return usage("which program? -- PROGRAM", "");
    options.program = args + 1;
    return command_record(&options);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        help();
        return 0;
    }
    if (argc < 2)
        return usage("record or info?", "");
    if (strcmp(argv[1], "record") == 0)
        return record(argv + 2);
    if (strcmp(argv[1], "info") == 0 && argc == 3)
        return command_info(argv[2]);
    return usage("bad command ", argv[1]);
}
