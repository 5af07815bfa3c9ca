/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEY_JSON = 256,
    KEY_JSONL,
    KEY_CSV,
    KEY_COLUMNS,
    KEY_SORT,
    KEY_LIMIT,
    KEY_NO_HEADERS,
    KEY_BYTES,
    KEY_SI,
    KEY_COLOR,
    KEY_NO_PAGER,
    KEY_MODE,
    KEY_STOP,
    KEY_HASH,
    KEY_FAIL_OVER,
    KEY_OWN, /* and up: the verb's, in order */
};

enum { GROUP_OWN = 1, GROUP_ROWS, GROUP_FORM, GROUP_TARGET };

const struct argp_option common_options[] = {
    {"filter", 'q', "EXPR", 0,
     "Rows for which EXPR is true, as in 'size>4K && heap==2 || name~\"x\"'",
     GROUP_ROWS},
    {"columns", KEY_COLUMNS, "KEYS", 0, "These columns, in this order",
     GROUP_ROWS},
    {"sort", KEY_SORT, "KEY", 0,
     "Sort by KEY: numbers from the largest on, texts from the first; +KEY and "
     "-KEY say",
     GROUP_ROWS},
    {"limit", KEY_LIMIT, "N", 0, "At most N rows; 0: all", GROUP_ROWS},
    {"json", KEY_JSON, NULL, 0, "One JSON object", GROUP_FORM},
    {"jsonl", KEY_JSONL, NULL, 0, "One JSON object a row", GROUP_FORM},
    {"csv", KEY_CSV, NULL, 0, "Comma separated values", GROUP_FORM},
    {"output", 'o', "FILE", 0, "Write to FILE, which must not exist",
     GROUP_FORM},
    {"force", 'f', NULL, 0, "FILE may be overwritten", GROUP_FORM},
    {"no-headers", KEY_NO_HEADERS, NULL, 0, "Rows alone", GROUP_FORM},
    {"bytes", KEY_BYTES, NULL, 0, "Sizes in bytes", GROUP_FORM},
    {"si", KEY_SI, NULL, 0, "Sizes in powers of 1000", GROUP_FORM},
    {"color", KEY_COLOR, "WHEN", 0, "auto, always or never", GROUP_FORM},
    {"no-pager", KEY_NO_PAGER, NULL, 0, "Do not run $PAGER", GROUP_FORM},
    {"hash-addresses", KEY_HASH, NULL, 0,
     "Show addresses hashed, for reports that leave the machine", GROUP_FORM},
    {"fail-over", KEY_FAIL_OVER, "KEY=SIZE", 0,
     "Exit with 1 if the figure KEY, or the sum of the column, exceeds SIZE",
     GROUP_FORM},
    {"mode", KEY_MODE, "MODE", 0,
     "peek (default): the process runs on; stop: it is held while it is read",
     GROUP_TARGET},
    {"stop", KEY_STOP, NULL, 0, "The same as --mode=stop", GROUP_TARGET},
    {0},
};

enum { NCOMMON = sizeof common_options / sizeof *common_options };

struct parse {
    struct context *context;
    struct output_options *options;
};

/* Ends the process. */
static void refuse(struct argp_state *state, const char *why, const char *word)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    argp_error(state, "\"%s\" %s", word, why);
}

static void take_word(struct argp_state *state, const char *word,
                      const char *const *words, int *value)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            *value = i;
            return;
        }
    }
    refuse(state, "is none of its values", word);
}

static void take_limit(struct argp_state *state, const char *text,
                       struct output_options *options)
{
    uint64_t limit;

    if (!parse_number(text, &limit))
        refuse(state, "is no number", text);
    options->limit = limit;
    options->has_limit = true;
}

static error_t take_form(int key, char *text, struct argp_state *state,
                         struct output_options *options)
{
    static const char *const colors[] = {"auto", "always", "never", NULL};
    int value = 0;

    switch (key) {
    case KEY_JSON:
        options->format = OUTPUT_JSON;
        return 0;
    case KEY_JSONL:
        options->format = OUTPUT_JSONL;
        return 0;
    case KEY_CSV:
        options->format = OUTPUT_CSV;
        return 0;
    case KEY_BYTES:
        options->units = UNITS_BYTES;
        return 0;
    case KEY_SI:
        options->units = UNITS_SI;
        return 0;
    case KEY_NO_HEADERS:
        options->no_headers = true;
        return 0;
    case KEY_NO_PAGER:
        options->no_pager = true;
        return 0;
    case KEY_HASH:
        options->hash_addresses = true;
        return 0;
    case KEY_COLOR:
        take_word(state, text, colors, &value);
        options->color = (enum output_color)value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t take_rows(int key, char *text, struct argp_state *state,
                         struct output_options *options)
{
    switch (key) {
    case 'q':
        options->filter = text;
        return 0;
    case 'o':
        options->file = text;
        return 0;
    case 'f':
        options->force = true;
        return 0;
    case KEY_COLUMNS:
        options->columns = text;
        return 0;
    case KEY_SORT:
        options->sort = text;
        return 0;
    case KEY_LIMIT:
        take_limit(state, text, options);
        return 0;
    case KEY_FAIL_OVER:
        options->fail_over = text;
        return 0;
    default:
        return take_form(key, text, state, options);
    }
}

static error_t take(int key, char *text, struct argp_state *state)
{
    static const char *const modes[] = {"peek", "stop", NULL};
    struct parse *parse = state->input;
    struct context *context = parse->context;
    int value = 0;

    if (key >= KEY_OWN && key < KEY_OWN + COMMAND_OPTIONS) {
        context->values[key - KEY_OWN] = text != NULL ? text : "";
    } else if (key == KEY_MODE) {
        take_word(state, text, modes, &value);
        context->mode = value == 1 ? MODE_STOP : MODE_PEEK;
    } else if (key == KEY_STOP) {
        context->mode = MODE_STOP;
    } else if (key == ARGP_KEY_ARG) {
        context->argv[context->argc++] = text;
        while ((context->command->flags & COMMAND_PROGRAM) != 0 &&
               state->next < state->argc)
            context->argv[context->argc++] = state->argv[state->next++];
    } else {
        return take_rows(key, text, state, parse->options);
    }
    return 0;
}

/* The verb's options before the common ones. */
static void collect(const struct command *command, struct argp_option *options)
{
    size_t n = 0;

    for (; n < COMMAND_OPTIONS && command->options[n].name != NULL; n++) {
        const struct command_option *own = &command->options[n];
        options[n] =
            (struct argp_option){own->name, KEY_OWN + (int)n, own->argument,
                                 0,         own->help,        GROUP_OWN};
    }
    memcpy(options + n, common_options, sizeof common_options);
}

void options_parse(int argc, char **argv, struct context *context,
                   struct output_options *options)
{
    static char name[64];
    static char doc[1024];
    static struct argp_option all[COMMAND_OPTIONS + NCOMMON];
    const struct command *command = context->command;
    struct parse parse = {context, options};
    const struct argp argp = {all,  take, command->arguments, doc, NULL,
                              NULL, NULL};

    *options = (struct output_options){0};
    (void)snprintf(name, sizeof name, "heapinspect %s", command->name);
    (void)snprintf(doc, sizeof doc, "%s.\vExample: %s", command->summary,
                   command->example);
    collect(command, all);
    argv[0] = name;
    argp_err_exit_status = STATUS_USAGE;
    context->argv = xcalloc((size_t)argc + 1, sizeof *context->argv);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    (void)argp_parse(&argp, argc, argv,
                     (command->flags & COMMAND_PROGRAM) != 0 ? ARGP_IN_ORDER
                                                             : 0,
                     NULL, &parse);
    if ((command->flags & COMMAND_OWN_FILE) != 0) {
        context->file = options->file;
        context->force = options->force;
        options->file = NULL;
    }
}
