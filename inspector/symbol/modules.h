/* SPDX-License-Identifier: MIT */
#ifndef SYMBOL_MODULES_H
#define SYMBOL_MODULES_H
/*
 * Programs and libraries in the target: which file an address comes from, and
 * by which build id that file is known.
 */
#include "target/target.h"

#define MODULE_NONE UINT32_MAX

struct module {
    uintptr_t start;  /* of its first mapping, offset 0: the ELF header */
    uintptr_t end;    /* of its last */
    const char *path; /* as the target's; without " (deleted)" */
    const char *name; /* its last component */
    uint64_t inode;
    bool is_deleted;
    bool is_unloaded; /* once it was there: the profile says so */
    bool has_header;  /* `start` is that of the file */
    struct build_id id;
};

/* One mapping of a module. */
struct module_map {
    uintptr_t start;
    uintptr_t end;
    uint64_t offset; /* in the file */
    bool is_code;
    uint32_t module;
};

struct modules {
    struct module *all;
    size_t count;
    struct module_map *maps; /* sorted by address */
    size_t nmaps;
    size_t nloaded; /* of these, mappings that are there now */
};

/*
 * Takes the mappings as they are now, and the libraries of the profile that
 * are mapped no longer.
 */
void modules_load(struct target *target, struct modules *modules);
void modules_free(struct modules *modules);

/* The mapping that holds the address; NULL: none of a file. */
const struct module_map *modules_at(const struct modules *modules,
                                    uintptr_t address);

#endif
