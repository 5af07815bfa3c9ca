/* SPDX-License-Identifier: MIT */
#ifndef LIBALLOC_PROF_MODULE_TABLE_H
#define LIBALLOC_PROF_MODULE_TABLE_H
/*
 * The libraries that stacks went through: who reads the profile later, at exit
 * for one, finds some of them unloaded, and their addresses without a name.
 * Layer: prof.  Protected by: the lock of `prof`.
 */
#include "layout/prof.h"

#include <stdbool.h>

enum {
    MODULES_MAX = 4096,
    MODULE_NAMES_MAX = 512 * 1024, /* bytes of all paths */
};

/* Reserves; false: no address space, nothing was changed. */
bool module_table_init(struct prof *prof);

/*
 * Notes the libraries of a new stack.  They are loaded: it goes through them.
 * The loader's lock is not asked for (_dl_find_object(3)).
 */
void module_table_note(struct prof *prof, const uintptr_t *pcs, uint32_t depth);

#endif
