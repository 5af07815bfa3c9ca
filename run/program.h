/* SPDX-License-Identifier: MIT */
#ifndef RUN_PROGRAM_H
#define RUN_PROGRAM_H
/*
 * Looks at a program before it is run: will ld.so preload anything into it?
 */

/*
 * Why preloading does nothing in what execvp(name) would run, or NULL: all is
 * well, or it cannot be told (execvp will then say what is wrong).
 */
const char *program_obstacle(const char *name);

#endif
