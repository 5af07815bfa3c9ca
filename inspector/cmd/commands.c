/* SPDX-License-Identifier: MIT */
#include "cmd/cmd.h"

#include <string.h>

const struct command *const commands[] = {
#define VERB(name) &cmd_##name,
#include "cmd/verbs.def"
#undef VERB
    NULL,
};

const char *command_option(const struct context *context, const char *name)
{
    for (size_t i = 0; i < COMMAND_OPTIONS; i++) {
        const char *known = context->command->options[i].name;
        if (known == NULL)
            break;
        if (strcmp(known, name) == 0)
            return context->values[i];
    }
    return NULL;
}
