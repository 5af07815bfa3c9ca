/* SPDX-License-Identifier: MIT */
#ifndef SYMBOL_INTERNAL_H
#define SYMBOL_INTERNAL_H
/* Between the parts of symbol/. */
#include "symbol/interned.h"
#include "symbol/symbols.h"

#include <elfutils/libdwfl.h>

enum {
    INLINES_MAX = 64, /* functions of one address */
};

/* A mangled C++ or Rust name as people write it, allocated; else NULL. */
char *demangle(const char *name);

/* A function by its DWARF entry. */
struct inlined {
    const char *name; /* linkage name if there is one; libdw's */
    const char *file; /* where the next inner one was called from */
    uint32_t line;
};

/*
 * The functions that hold `address` - a concrete one last - by DWARF; 0: it
 * does not know.  The first one's place is that of the address itself.
 */
size_t inlines_at(Dwfl_Module *module, uintptr_t address,
                  struct inlined out[INLINES_MAX]);

#endif
