/* SPDX-License-Identifier: MIT */
/* The parts of man/heapinspect.1 that are made of the tables of verbs and
   options: docs/generate/update_heapinspect. */
#include "manual.h"

#include "options.h"

#include <stdio.h>

/* In roff a '-' is a hyphen and a leading '.' or '\'' a request. */
static void put(const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '-') {
            (void)fputs("\\-", stdout);
        } else if (*text == '\\') {
            (void)fputs("\\e", stdout);
        } else if (*text == '~') {
            (void)fputs("\\(ti", stdout);
        } else if (*text == '\'') {
            (void)fputs("\\(aq", stdout);
        } else {
            (void)putchar(*text);
        }
    }
}

static void put_option(const char *name, int letter, const char *argument,
                       const char *help)
{
    (void)puts(".TP");
    (void)fputs(".B ", stdout);
    if (letter > 0 && letter < 128)
        (void)printf("\\-%c, ", letter);
    (void)fputs("\\-\\-", stdout);
    put(name);
    if (argument != NULL)
        (void)printf("=\\fI%s\\fR", argument);
    (void)putchar('\n');
    put(help);
    (void)puts(".");
}

static void put_verb(const struct command *command)
{
    (void)printf(".SS %s\n.B heapinspect %s\n", command->name, command->name);
    if (*command->arguments != '\0')
        (void)printf(".I %s\n", command->arguments);
    (void)puts(".br");
    put(command->summary);
    (void)puts(".");
    for (size_t i = 0; i < COMMAND_OPTIONS && command->options[i].name != NULL;
         i++) {
        put_option(command->options[i].name, 0, command->options[i].argument,
                   command->options[i].help);
    }
    (void)fputs(".PP\n.EX\n    ", stdout);
    put(command->example);
    (void)puts("\n.EE");
}

void manual_print(void)
{
    (void)puts(".SH VERBS");
    for (size_t i = 0; commands[i] != NULL; i++)
        put_verb(commands[i]);
    (void)puts(".SH OPTIONS\nThese are common to all verbs.");
    for (const struct argp_option *option = common_options;
         option->name != NULL; option++)
        put_option(option->name, option->key, option->arg, option->doc);
}
