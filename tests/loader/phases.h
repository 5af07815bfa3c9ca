/* SPDX-License-Identifier: MIT */
#ifndef LOADER_PHASES_H
#define LOADER_PHASES_H
#include <stdbool.h>

/* In the library. */
char *phases_library_block(void);

/* In the program: ends it with status 1 unless `fine`. */
void phases_expect(bool fine, const char *where);

/* The last words: status 0 if all phases were seen. */
void phases_end(void);

#endif
