/* SPDX-License-Identifier: MIT */
#ifndef CMD_CMD_H
#define CMD_CMD_H
/*
 * Verbs.  Each is one file in cmd/ with one `const struct command cmd_NAME`,
 * listed in verbs.def; main.c parses the command line, opens the target, runs
 * the verb, and closes the output.
 */
#include "number.h"
#include "render/output.h"
#include "render/table.h"
#include "target/target.h"

struct command_option {
    const char *name;     /* "gaps" for --gaps */
    const char *argument; /* "SIZE"; NULL: a flag */
    const char *help;
};

enum command_flags {
    COMMAND_NO_TARGET = 1,  /* the arguments begin right behind the verb */
    COMMAND_NEEDS_ROOT = 2, /* a target without liballoc is STATUS_GONE */
    COMMAND_OWN_FILE = 4,   /* it writes the file of --output itself */
    COMMAND_STOPS = 8,      /* --mode=stop is the default */
    COMMAND_PROGRAM = 16,   /* the first argument ends the options: it and
                               what follows are a command of its own */
};

enum { COMMAND_OPTIONS = 8 };

struct context {
    struct target *target; /* NULL with COMMAND_NO_TARGET */
    struct output *output;
    int argc; /* arguments behind the target */
    char **argv;
    enum target_mode mode;   /* for verbs that open targets themselves */
    struct failure *failure; /* filled by a verb that fails: main prints it */
    const char *file;        /* of --output, with COMMAND_OWN_FILE; NULL */
    bool force;              /* it may exist */
    const char *values[COMMAND_OPTIONS]; /* of the verb's options */
    const struct command *command;
};

struct command {
    const char *name;
    const char *arguments; /* "TARGET [ADDR...]" */
    const char *summary;   /* one line for --help and the man page */
    const char *example;   /* "heapinspect maps 1234" */
    unsigned flags;
    enum status (*run)(struct context *context);
    struct command_option options[COMMAND_OPTIONS]; /* up to a NULL name */
};

/* Is a verb's own option given?  Its argument ("" for flags); NULL: no. */
const char *command_option(const struct context *context, const char *name);

/* All verbs, in the order of --help; ends with NULL. */
extern const struct command *const commands[];

#define VERB(name) extern const struct command cmd_##name;
#include "cmd/verbs.def"
#undef VERB

#endif
