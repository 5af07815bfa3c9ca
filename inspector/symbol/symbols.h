/* SPDX-License-Identifier: MIT */
#ifndef SYMBOL_SYMBOLS_H
#define SYMBOL_SYMBOLS_H
/*
 * Names for return addresses, offline: the target is never asked for more
 * than its mappings and build ids.
 *
 *   address -> modules.c: which file -> file.c: is it the right one
 *           -> symbols.c: function    -> inlines.c: what was inlined there
 *           -> demangle.c
 *
 * What has no name is "module+0x1f30", what is in no module "[unknown]".
 */
#include "symbol/modules.h"

/* One function of a call chain; all texts live as long as the symbols. */
struct symbol {
    const char *function; /* equal texts are the same pointer */
    const char *system;   /* as the linker has it; NULL: the same, or none */
    const char *file;     /* of the source; NULL: not known */
    uint32_t line;        /* 0: not known */
    uint32_t module;      /* index, or MODULE_NONE */
    bool is_named;        /* no mere offset */
};

/* What a return address belongs to: innermost first, inlined ones before the
   function that they were inlined into.  Never none. */
struct place {
    uintptr_t address;
    const struct symbol *symbols;
    size_t count;
    uint32_t module;
};

struct symbols;

/* `debuginfod`: missing debug files may be asked for over the network. */
struct symbols *symbols_begin(struct target *target, bool debuginfod);

/* Of no target: what is refused is said on stderr.  Takes the modules, with
   their paths. */
struct symbols *symbols_of_modules(const struct modules *modules,
                                   bool debuginfod);
void symbols_end(struct symbols *symbols);

/* False: files were mapped or unmapped since. */
bool symbols_are_current(const struct symbols *symbols);

/* Valid until symbols_end(). */
const struct place *symbols_at(struct symbols *symbols, uintptr_t address);

const struct modules *symbols_modules(const struct symbols *symbols);

/* The one copy of a text. */
const char *symbols_intern(struct symbols *symbols, const char *text);

#endif
