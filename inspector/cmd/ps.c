/* SPDX-License-Identifier: MIT */
#include "cmd/cmd.h"
static const struct column columns[] = {
    {"pid", "pid", COLUMN_COUNT, false, ""},
};
static enum status run(struct context *context)
{
    struct table *t = table_begin(context->output, "ps", columns, 1);
    return table_end(t);
}
const struct command cmd_ps = {
    .name = "ps",
    .arguments = "",
    .summary = "Processes that run on liballoc",
    .example = "heapinspect ps",
    .run = run,
    .flags = COMMAND_NO_TARGET,
};
