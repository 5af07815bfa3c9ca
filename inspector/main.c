/* SPDX-License-Identifier: MIT */
/*
 * heapinspect VERB TARGET [ARGUMENTS]: finds the verb, opens the target, runs
 * the one on the other, closes the answer.
 */
#include "cmd/cmd.h"
#include "manual.h"
#include "options.h"

#include <stdio.h>
#include <string.h>

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static void print_usage(FILE *stream)
{
    (void)fputs("Usage: heapinspect VERB [TARGET] [ARGUMENTS] [OPTIONS]\n"
                "\n"
                "TARGET: a PID, a program's name, a core, a snapshot, self, or "
                "- (a core on stdin)\n"
                "\n",
                stream);
    for (size_t i = 0; commands[i] != NULL; i++) {
        (void)fprintf(stream, "  %-10s %s\n", commands[i]->name,
                      commands[i]->summary);
    }
    (void)fputs("\n"
                "heapinspect VERB --help tells of its options.\n"
                "Exit status: 0 fine, 1 something was found, 2 usage, 3 no "
                "such target or no liballoc\nin it, 4 permission, 5 incomplete "
                "data, 6 unsupported version.\n",
                stream);
}

static void say(const struct failure *failure)
{
    if (failure->text[0] != '\0')
        (void)fprintf(stderr, "heapinspect: %s\n", failure->text);
}

static const char *kind_name(const struct target *target)
{
    static const char *const names[] = {
        [TARGET_PROCESS] = "process",
        [TARGET_CORE] = "core",
        [TARGET_SNAPSHOT] = "snapshot",
    };

    return target != NULL ? names[target_kind(target)] : "none";
}

static struct envelope envelope_of(const struct context *context)
{
    const struct target *target = context->target;

    return (struct envelope){
        .verb = context->command->name,
        .target = target != NULL ? target_name(target) : "",
        .program = target != NULL ? target_program(target) : "",
        .pid = target != NULL ? target_pid(target) : 0,
        .kind = kind_name(target),
        .mode = context->mode == MODE_STOP ? "stop" : "peek",
    };
}

/* Answers of a process that ended meanwhile are what could still be read. */
static enum status of_the_dead(struct context *context, enum status status)
{
    static const char ended[] = "process %d ended while it was read%s";
    struct target *target = context->target;

    if (status == STATUS_USAGE || context->command == &cmd_snap ||
        (context->command->flags & COMMAND_NEEDS_ROOT) == 0 ||
        !target_has_ended(target))
        return status;
    if (context->failure->text[0] != '\0')
        return fail(context->failure, STATUS_GONE, ended,
                    (int)target_pid(target), "");
    target_warn(target, ended, (int)target_pid(target),
                ": this is what could be had");
    return STATUS_INCOMPLETE;
}

/* The verb on its target, which is open if it needs one. */
static enum status run(struct context *context,
                       const struct output_options *options)
{
    struct envelope envelope = envelope_of(context);
    const char *const *warnings = NULL;
    size_t nwarnings = 0;

    context->output = output_begin(options, &envelope, context->failure);
    if (context->output == NULL)
        return context->failure->status;
    enum status status = context->command->run(context);
    if (context->target != NULL) {
        status = of_the_dead(context, status);
        warnings = target_warnings(context->target, &nwarnings);
        if (status == STATUS_FINE && target_is_incomplete(context->target))
            status = STATUS_INCOMPLETE;
    }
    return output_end(context->output, status,
                      context->target != NULL ? target_stop_ms(context->target)
                                              : 0,
                      warnings, nwarnings);
}

static enum status open_and_run(struct context *context,
                                const struct output_options *options)
{
    const struct target_options target_options = {.mode = context->mode};

    if ((context->command->flags & COMMAND_NO_TARGET) != 0)
        return run(context, options);
    if (context->argc == 0) {
        return fail(context->failure, STATUS_USAGE,
                    "%s: a target is missing (see --help)",
                    context->command->name);
    }
    context->target =
        target_open(context->argv[0], &target_options, context->failure);
    if (context->target == NULL)
        return context->failure->status;
    context->argc--;
    context->argv++;
    if ((context->command->flags & COMMAND_NEEDS_ROOT) != 0 &&
        target_root(context->target) == NULL) {
        *context->failure = *target_why_rootless(context->target);
        return context->failure->status;
    }
    return run(context, options);
}

int main(int argc, char **argv)
{
    struct failure failure = {.status = STATUS_FINE};
    struct context context = {.failure = &failure};
    struct output_options options;

    if (argc < 2) {
        print_usage(stderr);
        return STATUS_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return STATUS_FINE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        (void)printf("heapinspect %s\n", INSPECTOR_VERSION);
        return STATUS_FINE;
    }
    if (strcmp(argv[1], "--manual") == 0) {
        manual_print();
        return STATUS_FINE;
    }
    context.command = find_command(argv[1]);
    if (context.command == NULL) {
        (void)fprintf(stderr,
                      "heapinspect: no verb \"%s\"; --help lists them\n",
                      argv[1]);
        return STATUS_USAGE;
    }
    if ((context.command->flags & COMMAND_STOPS) != 0)
        context.mode = MODE_STOP;
    options_parse(argc - 1, argv + 1, &context, &options);
    enum status status = open_and_run(&context, &options);
    say(&failure);
    target_close(context.target);
    return (int)status;
}
