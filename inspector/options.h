/* SPDX-License-Identifier: MIT */
#ifndef INSPECTOR_OPTIONS_H
#define INSPECTOR_OPTIONS_H
/* The options that all verbs share, and the verb's own; by argp. */
#include "cmd/cmd.h"

#include <argp.h>

extern const struct argp_option common_options[];

/*
 * argv[0] is the verb.  Fills context->argc, argv (what is no option), mode
 * and values.  A wrong option ends the process with STATUS_USAGE, --help with
 * STATUS_FINE.
 */
void options_parse(int argc, char **argv, struct context *context,
                   struct output_options *options);

#endif
