/* SPDX-License-Identifier: MIT */
#include "cmd/cmd.h"
static enum status run(struct context *context)
{
    struct summary *s = summary_begin(context->output, "info");
    summary_add(s, "program", COLUMN_TEXT,
                value_text(target_program(context->target)), "comm");
    summary_add(s, "root", COLUMN_ADDRESS,
                value_number(target_root_address(context->target)),
                "where the root lies");
    return summary_end(s);
}
const struct command cmd_info = {
    .name = "info",
    .arguments = "TARGET",
    .summary = "The memory descriptor of a process",
    .example = "heapinspect info 1234",
    .run = run,
};
