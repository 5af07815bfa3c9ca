/* SPDX-License-Identifier: MIT */
/*
 * Verbs on cores and snapshots whose words are changed.  An input:
 *
 *   base | verb | form | options | argument (8) | { place and change (4),
 *   operand (8) } ...
 *
 * `base` is one of the files of FUZZ_BASES.  Places count only words near
 * others that are not 0, so few bytes reach deep.  What begins with ELF's
 * magic is a file by itself, for the headers; its last byte is the verb.
 */
#include "bases.h"
#include "cmd/cmd.h"
#include "fuzz.h"
#include "memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    HEAD = 4 + 8,
    ITEM = 4 + 8,
    ITEMS_MAX = 64,
    PATH = 40,
    PROFILE_BASE = 3, /* the one that has a profile */
};

/* In the order of the inputs' second byte; only ever added to. */
static const char *const verbs[] = {
    "heap",  "info",   "maps",  "vmas",  "translate", "arenas", "bins",
    "buddy", "diff",   "check", "frag",  "chunks",    "pages",  "pins",
    "slabs", "why",    "vis",   "map",   "threads",   "whatis", "tunables",
    "snap",  "report", "prof",  "flame",
};
enum { NVERBS = sizeof verbs / sizeof *verbs };

struct input {
    unsigned base;
    unsigned verb;
    unsigned form;
    unsigned options;
    uint64_t argument;
};

static uint64_t take(const uint8_t **data, size_t bytes)
{
    uint64_t value = 0;

    memcpy(&value, *data, bytes);
    *data += bytes;
    return value;
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    abort(); /* the table above is wrong */
}

static void choose_options(struct context *context, unsigned options)
{
    for (size_t i = 0; i < COMMAND_OPTIONS; i++) {
        const struct command_option *option = &context->command->options[i];
        if (option->name == NULL)
            break;
        if ((options >> i & 1) != 0)
            context->values[i] = option->argument != NULL ? "3" : "";
    }
}

/* As main.c does. */
static enum status run(struct context *context, const struct input *input)
{
    bool is_page = strcmp(context->command->name, "report") == 0 ||
                   strcmp(context->command->name, "flame") == 0;
    const struct output_options options = {
        .format = is_page ? OUTPUT_TEXT : (enum output_format)(input->form & 3),
        .units = (enum output_units)((input->form >> 2 & 3) % 3),
        .file = "/dev/null",
        .force = true,
        .has_limit = (input->form & 16) != 0,
        .hash_addresses = (input->form & 32) != 0,
        .color = (input->form & 64) != 0 ? COLOR_ALWAYS : COLOR_NEVER,
    };
    const struct envelope envelope = {
        .verb = context->command->name,
        .target = target_name(context->target),
        .program = target_program(context->target),
        .kind = "core",
        .mode = "peek",
    };
    size_t nwarnings;

    context->output = output_begin(&options, &envelope, context->failure);
    if (context->output == NULL)
        abort();
    enum status status = context->command->run(context);
    const char *const *warnings = target_warnings(context->target, &nwarnings);
    return output_end(context->output, status, target_stop_ms(context->target),
                      warnings, nwarnings);
}

static enum status look_by(const char *verb, const char *path,
                           const struct input *input)
{
    const struct target_options options = {.mode = MODE_PEEK};
    struct failure failure = {.status = STATUS_FINE};
    struct context context = {
        .command = find(verb), .failure = &failure, .force = true};
    char argument[24];
    char *arguments[] = {argument, NULL};

    (void)snprintf(argument, sizeof argument, "0x%lx", input->argument);
    if (strcmp(verb, "diff") == 0)
        arguments[0] = base_path(0);
    if ((context.command->flags & COMMAND_OWN_FILE) != 0)
        context.file = base_scratch();
    choose_options(&context, input->options);
    context.target = target_open(path, &options, &failure);
    if (context.target == NULL)
        return failure.status;
    bool rootless = target_root(context.target) == NULL;
    context.argv = arguments;
    context.argc = input->argument != 0 || strcmp(verb, "diff") == 0;
    enum status status = target_why_rootless(context.target)->status;
    if (!rootless || (context.command->flags & COMMAND_NEEDS_ROOT) == 0)
        status = run(&context, input);
    target_close(context.target);
    return status;
}

static void look_at_raw(const uint8_t *data, size_t size)
{
    const struct input input = {.verb = data[size - 1] % NVERBS};
    int file = memfd_create("raw", MFD_CLOEXEC);
    char path[PATH];

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (write(file, data, size) == (ssize_t)size)
        (void)look_by(verbs[input.verb], path, &input);
    (void)close(file);
}

/* A fuzzer whose bases are refused at once would find nothing. */
static void try_bases(void)
{
    for (unsigned base = 0; base < base_count(); base++) {
        for (unsigned verb = 0; verb < NVERBS; verb++) {
            const struct input input = {.base = base, .verb = verb};
            enum status status = look_by(verbs[verb], base_path(base), &input);
            bool of_profile = strcmp(verbs[verb], "prof") == 0 ||
                              strcmp(verbs[verb], "flame") == 0;
            /* USAGE: verbs that want an address. */
            if (status == STATUS_FINE || status == STATUS_FINDING ||
                status == STATUS_USAGE || (of_profile && base != PROFILE_BASE))
                continue;
            (void)fprintf(stderr, "%s of base %u: status %d\n", verbs[verb],
                          base, (int)status);
            exit(2); /* NOLINT: one thread */
        }
    }
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    bases_open();
    try_bases();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input;
    size_t changes = 0;

    if (size >= 4 && memcmp(data, "\177ELF", 4) == 0) {
        look_at_raw(data, size);
        return 0;
    }
    if (size < HEAD)
        return -1;
    input.base = (unsigned)take(&data, 1) % base_count();
    input.verb = (unsigned)take(&data, 1) % NVERBS;
    input.form = (unsigned)take(&data, 1);
    input.options = (unsigned)take(&data, 1);
    input.argument = base_word(input.base, take(&data, 8));
    for (size -= HEAD; size >= ITEM && changes < ITEMS_MAX; size -= ITEM) {
        uint32_t where = (uint32_t)take(&data, 4);
        base_change(input.base, where, take(&data, 8));
        changes++;
    }
    (void)look_by(verbs[input.verb], base_path(input.base), &input);
    base_restore(input.base);
    return 0;
}
