/* SPDX-License-Identifier: MIT */
#ifndef SYMBOL_INTERNED_H
#define SYMBOL_INTERNED_H
/* Texts, each kept once: equal ones are the same pointer. */

struct interned;

struct interned *interned_begin(void);
const char *interned_text(struct interned *interned, const char *text);
void interned_end(struct interned *interned);

#endif
