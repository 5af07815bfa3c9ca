/* SPDX-License-Identifier: MIT */
#ifndef INSPECTOR_NUMBER_H
#define INSPECTOR_NUMBER_H
/* Numbers as users write them: "0x7f00", "4096", "4K", "1MiB". */
#include <stdbool.h>
#include <stdint.h>

/* False: it is no number, or too large. */
bool parse_number(const char *text, uint64_t *number);

#endif
