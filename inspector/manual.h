/* SPDX-License-Identifier: MIT */
#ifndef INSPECTOR_MANUAL_H
#define INSPECTOR_MANUAL_H

/* VERBS and OPTIONS of the manual, as roff, to stdout: `--manual`. */
void manual_print(void);

#endif
