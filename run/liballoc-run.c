/* SPDX-License-Identifier: MIT */
/*
 * liballoc-run [-c CONF] PROGRAM [ARGUMENT...]: runs a program on liballoc.
 * The library is looked for beside this program (../lib, then the library
 * directory of the installation), so that neither needs a fixed place.
 * No part of the library: a program of its own, on libc alone.
 */
#include "program.h"

#include "liballoc.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As env(1) has them. */
enum {
    EXIT_OWN_FAULT = 125,
    EXIT_CANNOT_RUN = 126,
    EXIT_NOT_FOUND = 127,
};

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)
#define VERSION                    \
    STRING(LIBALLOC_VERSION_MAJOR) \
    "." STRING(LIBALLOC_VERSION_MINOR) "." STRING(LIBALLOC_VERSION_PATCH)

static const char usage[] =
    "usage: liballoc-run [-c CONF] PROGRAM [ARGUMENT...]\n"
    "Runs PROGRAM with liballoc as its memory allocator.\n"
    "  -c CONF     sets LIBALLOC_CONF, as in -c dirty_min:16M,stats:1\n"
    "  --help      prints this\n"
    "  --version   prints the version\n"
    "Exit status: PROGRAM's; 125 on a fault of liballoc-run itself, 126 if\n"
    "PROGRAM cannot be run, 127 if it is not found.\n";

static _Noreturn void fail(int status, const char *what, const char *why)
{
    (void)fprintf(stderr, "liballoc-run: %s: %s\n", what, why);
    exit(status);
}

/* Directory of this very program, without the slash; NULL = unknown. */
static const char *own_directory(void)
{
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    if (length <= 0)
        return NULL;
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    return path;
}

/* The library's path without `..`; NULL = it is not in this directory. */
static const char *library_in(const char *directory, const char *below)
{
    static char resolved[PATH_MAX];
    char path[2 * PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s/liballoc.so", directory, below);
    if (realpath(path, resolved) == NULL || access(resolved, R_OK) != 0)
        return NULL;
    return resolved;
}

static const char *find_library(void)
{
    const char *own = own_directory();
    const char *found = NULL;

    if (own != NULL)
        found = library_in(own, "../lib");
    if (found == NULL && own != NULL)
        found = library_in(own, LIBALLOC_LIBDIR_FROM_BINDIR);
    if (found == NULL)
        found = library_in(LIBALLOC_LIBDIR, ".");
    if (found == NULL) {
        fail(EXIT_OWN_FAULT, "liballoc.so",
             "neither beside this program nor in " LIBALLOC_LIBDIR);
    }
    if (strpbrk(found, ": ") != NULL) {
        fail(EXIT_OWN_FAULT, found,
             "LD_PRELOAD cannot hold a path with a colon or a blank");
    }
    return found;
}

/* In front of what is preloaded already: the first malloc found is used. */
static void preload(const char *library)
{
    const char *before = getenv("LD_PRELOAD");
    char *value = NULL;

    if (before == NULL || before[0] == '\0')
        before = "";
    if (asprintf(&value, "%s%s%s", library, before[0] != '\0' ? ":" : "",
                 before) < 0 ||
        setenv("LD_PRELOAD", value, 1) != 0)
        fail(EXIT_OWN_FAULT, "LD_PRELOAD", strerror(errno));
    free(value);
}

/* Where PROGRAM starts in argv; exits for --help, --version, bad usage. */
static int parse_options(int argc, char **argv)
{
    int at = 1;

    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--") == 0)
            return at + 1;
        if (strcmp(argv[at], "--help") == 0) {
            (void)fputs(usage, stdout);
            exit(0);
        }
        if (strcmp(argv[at], "--version") == 0) {
            (void)puts("liballoc-run " VERSION);
            exit(0);
        }
        if (strcmp(argv[at], "-c") != 0)
            fail(EXIT_OWN_FAULT, argv[at], "unknown option; try --help");
        if (++at == argc)
            fail(EXIT_OWN_FAULT, "-c", "needs a value, as in -c stats:1");
        if (setenv("LIBALLOC_CONF", argv[at], 1) != 0)
            fail(EXIT_OWN_FAULT, "LIBALLOC_CONF", strerror(errno));
    }
    return at;
}

int main(int argc, char **argv)
{
    int at = parse_options(argc, argv);

    if (at >= argc) {
        (void)fputs(usage, stderr);
        return EXIT_OWN_FAULT;
    }
    const char *library = find_library();
    const char *why = program_obstacle(argv[at]);
    if (why != NULL) {
        (void)fprintf(stderr,
                      "liballoc-run: %s: %s: it runs without liballoc\n",
                      argv[at], why);
    }
    preload(library);
    execvp(argv[at], argv + at);
    fail(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, argv[at],
         strerror(errno));
}
